"""A service that breaks, is slow or refuses, and one that somebody else pretends to be."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.connector import StoredFile
from firn_runtime.connectors.s3 import bucket as s3_bucket
from firn_runtime.connectors.s3.store import BucketStore
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from firn_schemas.secret import Secret
from runtime.connectors.sinks import PUBLICATION
from runtime.workbench import Workbench, connector
from servers.answers import Answer, answering
from servers.front import certificate

CANARY = "canary-5d1f9a"
ONE = (
    b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a.csv</Key><Size>5</Size>"
    b'<ETag>"1"</ETag></Contents></ListBucketResult>'
)
Open = Callable[..., Workbench]


def resource(url: str, **more: Any) -> Any:
    keys = {
        "access_key_id": Secret("AKID"),
        "secret_access_key": Secret(CANARY),
        "session_token": Secret(f"{CANARY}-t"),
    }
    config = {"bucket": "b", "path_style_access": True, "endpoint": url, "credentials": {"mode": "static", **keys}}
    return connector("s3", "s3", written=True, **config | more)


def read(work: Workbench, path: str = "*.csv") -> list[tuple[Any, ...]]:
    work.do("read", {"resource": "lake", "path": path})
    return work.rows()


def error(code: str, status: int) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>{CANARY}</Message><StringToSign>{CANARY}</StringToSign></Error>"
    return Answer(status, text.encode())


@pytest.mark.parametrize(
    ("answer", "error_class", "words"),
    [
        (error("AccessDenied", 403), "auth", "not allowed"),
        (error("SignatureDoesNotMatch", 403), "auth", "refuses the signature"),
        (error("InvalidAccessKeyId", 403), "auth", "does not know the access key"),
        (error("ExpiredToken", 400), "auth", "expired"),
        (error("RequestTimeTooSkewed", 403), "auth", "clock"),
        (error("NoSuchBucket", 404), "connection", "no such bucket"),
        (error("AuthorizationHeaderMalformed", 400), "connection", "another region"),
        (Answer(301, b"", {"x-amz-bucket-region": "eu-west-3"}), "connection", "in the region `eu-west-3`"),
        (error("InvalidObjectState", 403), "data", "archive"),
        (error("NoSuchUpload", 404), "conflict", "given the upload up"),
        (error("KMS.DisabledException", 400), "data", "KMS.DisabledException"),
        (error("SlowDown", 503), "rate_limited", "fewer requests"),
        (Answer(429), "rate_limited", "fewer requests"),
        (error("InternalError", 500), "server_error", "answers 500"),
        (Answer(503, b"<html>busy</html>"), "server_error", "answers 503"),
        (error("RequestTimeout", 400), "timeout", "waited too long"),
        (Answer(200, b"<html>a page</html>"), "connection", "does not speak S3"),
        (Answer(200, b'<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult/>'), "connection", "does not speak S3"),
        (error("<b>odd</b>", 418), "data", "answers 418"),
    ],
)
def test_what_a_service_refuses_has_a_class_and_quotes_nothing(
    bench: Open, answer: Answer, error_class: str, words: str
) -> None:
    with answering(answer) as server, pytest.raises(ConnectorError) as caught:
        read(bench(lake=resource(server.url)))
    assert caught.value.error_class == error_class
    assert words in f"{caught.value.message}; {caught.value.help}"
    assert CANARY not in f"{caught.value.message}{caught.value.help}{caught.value.__cause__}{caught.value.__context__}"
    assert all(CANARY not in asked.target for asked in server.asked)


def listing(size: str = "5", etag: str = '"1"', more: str = "") -> Answer:
    text = ONE.decode().replace("<Size>5<", f"<Size>{size}<").replace('"1"', etag)
    continued = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{more}</NextContinuationToken>"
    return Answer(200, (text.replace("<IsTruncated>false</IsTruncated>", continued) if more else text).encode())


@pytest.mark.parametrize(
    "answer",
    [
        *(listing(size=size) for size in ("", "x", "-5", "5.0", "9" * 5000, "\u0665")),
        *(listing(etag=etag) for etag in ('"1\nx-amz-acl: public-read"', '"\u20ac"')),
        listing(more="the same"),
    ],
)
def test_a_listing_that_lies_is_no_answer_of_s3(bench: Open, answer: Answer) -> None:
    with answering(answer) as server, pytest.raises(ConnectorError) as caught:
        read(bench(lake=resource(server.url)))
    assert (caught.value.error_class, "does not speak S3" in caught.value.message) == ("connection", True)


@pytest.mark.parametrize(
    "headers", [*({"content-length": size} for size in ("", "x", "-1")), {"etag": '"\u00e9\u0080"'}]
)
def test_an_object_that_lies_about_itself_is_no_answer_of_s3(bench: Open, headers: dict[str, str]) -> None:
    with answering(Answer(200, b"n\n42\n", headers)) as server, pytest.raises(ConnectorError) as caught:
        read(bench(lake=resource(server.url)), "a.csv")
    assert (caught.value.error_class, "does not speak S3" in caught.value.message) == ("connection", True)


def test_a_busy_service_is_asked_again_up_to_four_times(bench: Open) -> None:
    with answering(error("SlowDown", 503)) as server, pytest.raises(ConnectorError):
        read(bench(lake=resource(server.url)))
    assert len(server.asked) == 4


def test_a_service_that_is_well_again_is_used(bench: Open) -> None:
    with answering(Answer(500), Answer(200, ONE), Answer(200, b"n\n42\n")) as server:
        assert read(bench(lake=resource(server.url))) == [(42,)]


def test_what_is_refused_is_not_asked_again(bench: Open) -> None:
    with answering(error("AccessDenied", 403)) as server, pytest.raises(ConnectorError):
        read(bench(lake=resource(server.url)))
    assert len(server.asked) == 1


def test_a_download_that_breaks_off_is_begun_again(bench: Open) -> None:
    whole = Answer(200, b"n\n42\n")
    with answering(Answer(200, ONE), whole._replace(cut=3), whole) as server:
        assert read(bench(lake=resource(server.url))) == [(42,)]
    assert [asked.headers.get("if-match") for asked in server.asked] == [None, '"1"', '"1"']


def test_a_download_that_always_breaks_off_fails_and_reads_nothing(bench: Open) -> None:
    with answering(Answer(200, ONE), Answer(200, b"n\n42\n", cut=3)) as server, pytest.raises(ConnectorError) as caught:
        read(bench(lake=resource(server.url)))
    assert caught.value.error_class == "connection"


@pytest.mark.parametrize("body", [b"n\n4\n", b"n\n424\n"])
def test_an_object_of_another_size_than_listed_is_not_taken(bench: Open, body: bytes) -> None:
    with answering(Answer(200, ONE), Answer(200, body)) as server, pytest.raises(ConnectorError) as caught:
        read(bench(lake=resource(server.url)))
    assert caught.value.error_class == "connection"


def test_an_object_without_an_end_is_not_waited_for(bench: Open) -> None:
    """Nobody hangs up, and the length that is told never comes."""
    endless = Answer(200, b"n" * (1 << 20), {"content-length": str(1 << 50)})
    with answering(Answer(200, ONE), endless) as server, pytest.raises(ConnectorError) as caught:
        read(bench(lake=resource(server.url, options={"timeout": 1000})))
    assert caught.value.error_class == "connection"


def test_a_listing_without_an_end_is_given_up(bench: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_bucket, "_PAGES", 3)
    page = ONE.replace(b"<Key>a.csv</Key>", b"<Key>folder/</Key>").replace(b"false", b"true")
    token = b"<NextContinuationToken>%d</NextContinuationToken><Contents>"
    pages = [Answer(200, page.replace(b"<Contents>", token % number)) for number in range(4)]
    with answering(*pages) as server, pytest.raises(ConnectorError, match="more than 3 pages"):
        read(bench(lake=resource(server.url)))


@pytest.mark.parametrize("size", [b"-5", b"x", b"9" * 5000])
def test_a_size_that_is_none_is_no_answer(bench: Open, size: bytes) -> None:
    page = ONE.replace(b"<Size>5", b"<Size>" + size)
    with answering(Answer(200, page)) as server, pytest.raises(ConnectorError, match="does not speak S3"):
        read(bench(lake=resource(server.url)))


def test_no_more_is_fetched_than_the_platform_allows(bench: Open) -> None:
    with answering(Answer(200, ONE)) as server, pytest.raises(ConnectorError) as caught:
        read(bench(lake=resource(server.url, options={"max_bytes": 4})))
    assert caught.value.message == "the files of the step have more than 4 bytes together"
    assert caught.value.help == "raise the resource's `max_bytes`, or take them in several steps"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(412), "the object has changed meanwhile (PreconditionFailed)"),
        (error("NoSuchKey", 404), "the object is gone meanwhile"),
    ],
)
def test_an_object_that_changes_while_it_is_read_is_a_conflict(bench: Open, answer: Answer, said: str) -> None:
    with answering(Answer(200, ONE), answer) as server, pytest.raises(ConnectorError) as caught:
        read(bench(lake=resource(server.url)))
    assert (caught.value.error_class, caught.value.message) == ("conflict", f"reading `a.csv`: {said}")


@pytest.mark.parametrize("etag", ['"1"', "1", 'W/"1"', '"2"'])
def test_a_service_that_takes_no_conditions_is_heard_for_what_it_gives(bench: Open, etag: str) -> None:
    with answering(Answer(200, ONE), Answer(200, b"n\n42\n", {"etag": etag})) as server:
        work = bench(lake=resource(server.url))
        if "1" in etag:
            assert read(work) == [(42,)]
        else:
            with pytest.raises(ConnectorError, match="the object has changed meanwhile") as caught:
                read(work)
            assert caught.value.error_class == "conflict"


def test_an_object_of_another_size_is_another_one_to_a_service_that_takes_no_conditions(bench: Open) -> None:
    with answering(Answer(200, ONE), Answer(200, b"n\n424\n", {"etag": '"2"'})) as server:
        with pytest.raises(ConnectorError) as caught:
            read(bench(lake=resource(server.url)))
        assert (caught.value.error_class, len(server.asked)) == ("conflict", 2)


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (Answer(200, b"01234567", {"etag": '"1"'}), "server_error"),
        (Answer(206, b"0123", {"etag": '"1"', "content-range": "bytes 0-3/8"}), "server_error"),
        (Answer(206, b"abcd", {"etag": '"2"', "content-range": "bytes 4-7/8"}), "conflict"),
    ],
)
def test_of_what_is_not_the_part_that_was_asked_for_nothing_is_kept_for_the_next_attempt(
    tmp_path: Path, answer: Answer, error_class: str
) -> None:
    target = tmp_path / "a.part"
    target.write_bytes(b"0123")
    with answering(answer) as server:
        lake = resource(server.url)
        lake.connect()
        store = BucketStore(lake.moves._replace(part_size=1), "", conditional=True)
        with pytest.raises(ConnectorError) as caught:
            store.get(StoredFile("a", 8, '"1"'), target)
        lake.close()
    assert caught.value.error_class == error_class
    assert target.read_bytes() == b"0123"


@pytest.mark.parametrize("word", [b"true", b"True", b"1"])
def test_a_page_that_does_not_say_that_it_is_the_last_is_followed_by_another(bench: Open, word: bytes) -> None:
    more = b"<IsTruncated>" + word + b"</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    first = Answer(200, ONE.replace(b"<IsTruncated>false</IsTruncated>", more))
    with answering(first, Answer(200, ONE.replace(b"a.csv", b"b.csv")), Answer(200, b"n\n42\n")) as server:
        assert read(bench(lake=resource(server.url))) == [(42,), (42,)]


def test_a_redirect_is_not_followed(bench: Open) -> None:
    elsewhere = Answer(307, headers={"location": "http://127.0.0.1:9/"})
    with answering(elsewhere) as server, pytest.raises(ConnectorError, match="elsewhere"):
        read(bench(lake=resource(server.url)))
    assert len(server.asked) == 1


def test_an_upload_that_fails_only_after_its_answer_began_has_failed(bench: Open, tmp_path: Path) -> None:
    begun = Answer(200, b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
    part = Answer(200, b"", {"etag": '"p"'})
    answers = (Answer(404), begun, part, part, error("InternalError", 200), Answer(204), Answer(404))
    with answering(*answers) as server:
        work = bench(lake=resource(server.url, options={"part_size": 5 << 20, "max_concurrency": 1}))
        work.make("d", "select range as id, md5(range::varchar) as t from range(200000)")
        with pytest.raises(ConnectorError) as caught:
            work.write(PUBLICATION, resource="lake", path="x.csv", mode="replace")
    assert caught.value.error_class == "server_error"
    assert [asked.method for asked in server.asked] == ["HEAD", "POST", "PUT", "PUT", "POST", "DELETE", "HEAD"]
    assert server.asked[1].headers["x-amz-meta-firn-publication"] == PUBLICATION.mark
    assert server.asked[4].headers["if-none-match"] == "*"


@pytest.mark.parametrize(("mark", "ours"), [(PUBLICATION.mark, True), ("another", False)])
def test_an_upload_whose_answer_was_lost_is_recognised(bench: Open, mark: str, ours: bool) -> None:
    there = Answer(200, b"n\n1\n", {"x-amz-meta-firn-publication": mark, "x-amz-meta-firn-rows": "1"})
    with answering(Answer(404), Answer(412), there) as server:
        work = bench(lake=resource(server.url))
        work.make("d", "select 1 as n")
        if ours:
            assert work.write(PUBLICATION, resource="lake", path="x.csv", mode="replace")[:2] == (1, 4)
        else:
            with pytest.raises(ConnectorError, match="has changed meanwhile"):
                work.write(PUBLICATION, resource="lake", path="x.csv", mode="replace")
    assert [asked.method for asked in server.asked] == ["HEAD", "PUT", "HEAD"]


def test_only_a_certificate_that_is_trusted_is_talked_to(bench: Open, tmp_path: Path) -> None:
    proof = certificate(tmp_path)
    with answering(Answer(200, ONE), Answer(200, b"n\n42\n"), proof=proof) as server:
        with pytest.raises(ConnectorError, match=r"`localhost`, port \d+ is from no authority") as caught:
            read(bench(lake=resource(server.url)))
        assert caught.value.error_class == "connection"
        assert server.asked == []
    (tmp_path / "two").mkdir()
    with answering(Answer(200, ONE), Answer(200, b"n\n42\n"), proof=proof) as server:
        work = Workbench(tmp_path / "two", {"lake": resource(server.url, ca_file=str(proof.authority))})
        assert read(work) == [(42,)]
        work.close()
        named = resource(server.url.replace("localhost", "127.0.0.1"), ca_file=str(proof.authority))
        other = Workbench(tmp_path / "two", {"lake": named})
        with pytest.raises(ConnectorError, match=r"the certificate of `127\.0\.0\.1`, port \d+ is for another name"):
            read(other)
        other.close()


def test_a_file_of_authorities_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConnectorError, match="`ca_file` is not a file of certificates"):
        resource("https://localhost", ca_file=str(tmp_path / "none.pem")).connect()


def test_a_step_that_shall_end_does_not_wait_for_the_service(bench: Open) -> None:
    more_than_comes = Answer(200, b"n\n42\n", {"content-length": "5000000"})
    listed = Answer(200, ONE.replace(b"<Size>5<", b"<Size>5000000<"))
    with answering(listed, more_than_comes) as server:
        work = bench(lake=resource(server.url, options={"timeout": 300}))
        token = Token()

        def cancel() -> None:
            while len(server.asked) < 2:
                time.sleep(0.01)
            token.cancel(Failure("R999", "timeout", "enough", ""))

        threading.Thread(target=cancel).start()
        with working_for(token), pytest.raises(Ended):
            read(work)


def test_silence_is_a_timeout_when_it_was_met_twice(bench: Open) -> None:
    more_than_comes = Answer(200, b"n\n42\n", {"content-length": "5000000"})
    listed = Answer(200, ONE.replace(b"<Size>5<", b"<Size>5000000<"))
    with answering(listed, more_than_comes) as server, pytest.raises(ConnectorError) as caught:
        read(bench(lake=resource(server.url, options={"timeout": 1})))
    assert caught.value.error_class == "timeout"
    assert len(server.asked) == len(["the list", "the object", "and once more"])
