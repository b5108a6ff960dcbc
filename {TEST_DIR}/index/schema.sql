CREATE TABLE tracking(nflId VARCHAR, frameId INTEGER, gameId INTEGER, playId INTEGER);;
CREATE INDEX nflid_idx ON tracking(nflid);;
CREATE UNIQUE INDEX tracking_key_idx ON tracking(gameId, playId, frameId, nflId);;

