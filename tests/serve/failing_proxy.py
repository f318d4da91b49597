"""A proxy between a client and a server whose first answers to POST fail in turn, and later ones pass: `unavailable` and `slow_down`
are answered by the proxy itself (503, 429, with Retry-After: 1), `cut` lets the server have the
request and take it, then breaks the connection in the middle of its answer, `pass` passes on."""
import collections
import re
import socket
import struct
import threading

DEADLINE_S = 30


def read_message(stream):
    """A request or an answer, whole; empty at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = stream.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    if re.search(rb"(?im)^transfer-encoding:\s*chunked", head):
        while not body.endswith(b"0\r\n\r\n"):
            body += stream.recv(65536)
    length = re.search(rb"(?im)^content-length:\s*(\d+)", head)
    while length and len(body) < int(length[1]):
        part = stream.recv(65536)
        if not part:
            return b""
        body += part
    return head + b"\r\n\r\n" + body


class FailingProxy:
    def __init__(self, server_port, actions):
        self.server_port, self.actions = server_port, actions
        self.done = collections.Counter()
        self.turn, self.lock = 0, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.settimeout(DEADLINE_S)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def next_action(self):
        with self.lock:
            action = self.actions[self.turn] if self.turn < len(self.actions) else "pass"
            self.turn += 1
            self.done[action] += 1
            return action

    def serve(self, client):
        try:
            while request := read_message(client):
                action = self.next_action() if request.startswith(b"POST") else "pass"
                if action in ("unavailable", "slow_down"):
                    status = b"503 Service Unavailable" if action == "unavailable" else b"429 Too Many Requests"
                    client.sendall(b"HTTP/1.1 " + status + b"\r\nRetry-After: 1\r\nContent-Length: 2\r\n"
                                   b"Content-Type: application/json\r\n\r\n{}")
                    continue
                with socket.create_connection(("127.0.0.1", self.server_port), timeout=DEADLINE_S) as server:
                    server.sendall(request)
                    answer = read_message(server)
                if action == "cut":
                    client.sendall(answer[:len(answer) // 2])
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
                    return
                client.sendall(answer)
        except OSError:
            pass
        finally:
            client.close()
