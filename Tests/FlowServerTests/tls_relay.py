"""Speaks TLS for a client that can't: tls_relay.py PORT CERTIFICATE prints a port whose bytes go through TLS."""

import socket
import ssl
import sys
import threading


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(plain, context, port):
    try:
        secure = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")
        assert secure.selected_alpn_protocol() == "http/1.1", secure.selected_alpn_protocol()
    except Exception as error:
        print(error, file=sys.stderr, flush=True)
        plain.close()
        return
    threading.Thread(target=copy, args=(plain, secure), daemon=True).start()
    copy(secure, plain)


def main():
    context = ssl.create_default_context(cafile=sys.argv[2])
    context.set_alpn_protocols(["h2", "http/1.1"])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        plain, _ = listener.accept()
        threading.Thread(target=serve, args=(plain, context, int(sys.argv[1])), daemon=True).start()


main()
