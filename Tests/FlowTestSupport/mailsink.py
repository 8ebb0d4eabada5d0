"""A mail server on a port of its own that keeps nothing: prints its port, then each mail as a line of JSON.

The recipient says how it behaves: refused@ gets 550, busy@ gets 451, full@ gets 552 for the data, drop@ has its
connection cut in the middle of the data, silent@ never gets an answer, flaky@ gets 451 at the first try only.
With arguments USER PASSWORD it takes mail only after a login. With --tls CERTIFICATE KEY before them it offers
STARTTLS; with --strict it says so, as a line, when somebody logs in without it.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

seen = set()
words = sys.argv[1:]
strict = words[:1] == ["--strict"] and bool(words.pop(0))
tls = words[1:3] if words[:1] == ["--tls"] else None
login = words[3:] if tls else words


class Server(SMTP):
    async def smtp_AUTH(self, arg):
        if strict and self.session.ssl is None:
            print(json.dumps({"auth": "in the clear"}), flush=True)
        await super().smtp_AUTH(arg)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "refused":
            return "550 5.1.1 no such mailbox"
        if name == "busy" or (name == "flaky" and address not in seen):
            seen.add(address)
            return "451 4.3.0 try again later"
        if name == "silent":
            await asyncio.sleep(3600)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        name = envelope.rcpt_tos[0].split("@")[0]
        if name == "drop":
            server.transport.abort()
            return None
        if name == "full":
            return "552 5.2.2 the mailbox is full"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = [part for part in mail.walk() if not part.is_multipart()]
        print(json.dumps({
            "from": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "login": session.auth_data.decode() if session.authenticated else "",
            "headers": {name: str(value) for name, value in mail.items()},
            "names": mail.keys(),
            "type": mail.get_content_type(),
            "parts": [[part.get_content_type(), part.get_content()] for part in parts],
            "defects": [repr(d) for part in mail.walk() for d in part.defects]
            + [repr(d) for value in mail.values() for d in value.defects],
            "longest": max(len(line) for line in envelope.content.split(b"\r\n")),
            "bare": envelope.content.replace(b"\r\n", b"").count(b"\n"),
            "ascii": envelope.content.isascii(),
        }), flush=True)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = [data.login.decode(), data.password.decode()] == login
    return AuthResult(success=good, handled=False, auth_data=data.login)


async def main():
    options = {}
    if login:
        options = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": tls is not None}
    if tls:
        options["tls_context"] = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        options["tls_context"].load_cert_chain(*tls)
    server = await asyncio.get_running_loop().create_server(
        lambda: Server(Handler(), enable_SMTPUTF8=False, **options), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
