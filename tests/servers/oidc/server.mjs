// An OAuth 2.0 server on 127.0.0.1 whose clients may ask for tokens by client credentials, and nothing else.
// Argument: its port. First line of its standard input: the clients' secret. It says `ready` when it listens, and ends
// with whoever holds the other end of its input.
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const client = (method, secret) => ({
  client_id: method,
  client_secret: secret,
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
  scope: "orders:read",
  token_endpoint_auth_method: method,
});
const serve = (secret) =>
  new Provider(`http://127.0.0.1:${port}`, {
    clients: ["client_secret_basic", "client_secret_post"].map((method) => client(method, secret)),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
    },
    scopes: ["orders:read", "orders:write"],
    ttl: { ClientCredentials: 600 },
  }).listen(port, "127.0.0.1", () => console.log("ready"));

const lines = createInterface({ input: process.stdin });
lines.once("line", serve);
lines.once("close", () => process.exit());
