"""The reference agent: what each of the fleet's services runs.

It answers pings on its agent port (ZeroMQ REP) and GET /health on its health port, and pings each of its dependencies
by service name. /health is 200 while every dependency has answered lately, else 503 with the silent ones named in the
status line, where a health probe shows it. A ping is answered whatever the answerer's own health, so one lost service
makes its callers unhealthy, not the whole fleet.

One poll, a thread only to look up a name: 76 of these share two cores.

Environment: AGENT_PORT, HEALTH_PORT, AGENT_DEPENDS ("service:port service:port"), and to make a broken release
AGENT_FAULT: exit (at start), health (never healthy), mute (answers no ping), memory (takes all it can get).
"""
import os
import signal
import socket
import sys
import threading
import time

import zmq

PING_S = 5.0  # between pings, once every dependency answers
RETRY_S = 1.0  # between pings before that
SILENT_S = PING_S + 3.0  # without an answer for so long, a dependency does not answer
REOPEN_S = 15.0  # then its connection may be dead without our knowing: make a new one


class Dependency:
    def __init__(self, context, name):
        self.context = context
        self.name = name
        self.host, _, self.port = name.rpartition(":")
        self.address = self.found = None  # connected to; last looked up
        self.looking = False
        self.socket = None
        self.opened = self.answered = float("-inf")

    def look_up(self):
        """In a thread: ZeroMQ would do it in the one that serves every socket, and a lost name can take long."""
        try:
            self.found = socket.gethostbyname(self.host)
        except OSError:
            pass
        self.looking = False

    def open(self, now):
        self.close()
        self.address = self.found
        self.opened = now
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 2)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)  # nothing is queued for a peer that is not there
        self.socket.setsockopt(zmq.RECONNECT_IVL, 500)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
        self.socket.connect(f"tcp://{self.address}:{self.port}")

    def close(self):
        if self.socket:
            self.socket.close()

    def ping(self, now):
        if self.silent(now) and not self.looking:
            self.looking = True
            threading.Thread(target=self.look_up, daemon=True).start()
        stale = self.silent(now) and now - max(self.answered, self.opened) > REOPEN_S
        if self.found and (self.found != self.address or stale):
            self.open(now)
        if self.socket:
            try:
                self.socket.send_multipart([b"", b"ping"], zmq.NOBLOCK)
            except zmq.Again:
                pass

    def receive(self):
        try:
            while True:
                self.socket.recv_multipart(zmq.NOBLOCK)
                self.answered = time.monotonic()
        except zmq.Again:
            pass

    def silent(self, now):
        return now - self.answered > SILENT_S


class Agent:
    def __init__(self, environ):
        self.fault = environ.get("AGENT_FAULT", "")
        context = zmq.Context(io_threads=1)
        self.dependencies = [Dependency(context, name) for name in environ.get("AGENT_DEPENDS", "").split()]
        self.server = context.socket(zmq.REP)
        self.server.bind(f"tcp://*:{environ['AGENT_PORT']}")
        self.http = socket.create_server(("", int(environ["HEALTH_PORT"])), backlog=16)

    def run(self):
        due = 0.0
        while True:
            now = time.monotonic()
            if now >= due:
                for dependency in self.dependencies:
                    dependency.ping(now)
                due = now + (RETRY_S if self.complaint(now) else PING_S)
            self.wait(due - now if self.dependencies else None)

    def wait(self, timeout_s):
        poller = zmq.Poller()
        for readable in [self.server, self.http, *(d.socket for d in self.dependencies if d.socket)]:
            poller.register(readable, zmq.POLLIN)
        ready = dict(poller.poll(None if timeout_s is None else timeout_s * 1000 + 1))
        if self.server in ready:
            self.answer_ping()
        if self.http.fileno() in ready:
            self.answer_http()
        for dependency in self.dependencies:
            if dependency.socket and dependency.socket in ready:
                dependency.receive()

    def answer_ping(self):
        self.server.recv_multipart()
        if self.fault != "mute":
            self.server.send(b"pong")

    def complaint(self, now):
        """Why this agent is not healthy; empty if it is."""
        if self.fault == "health":
            return "told to be unhealthy"
        silent = [d.name for d in self.dependencies if d.silent(now)]
        return f"no answer from {', '.join(silent)}" if silent else ""

    def answer_http(self):
        client, _ = self.http.accept()
        with client:
            client.settimeout(1)  # one probe at a time, from this very container: waiting for it is no harm
            try:
                request = client.recv(4096)
                client.sendall(self.response(request))
            except OSError:
                pass

    def response(self, request):
        if request.split(b" ")[1:2] != [b"/health"]:
            status, body = "404 no such page", ""
        else:
            complaint = self.complaint(time.monotonic())
            status, body = (f"503 {complaint}", "") if complaint else ("200 OK", "healthy\n")
        return f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def take_memory():
    hoard = []
    while True:
        hoard.append(b"x" * (16 << 20))


def main():
    # As process 1 of a container, no signal has a default action.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    fault = os.environ.get("AGENT_FAULT")
    if fault == "exit":
        sys.exit("agent: cannot start: told to exit (AGENT_FAULT=exit)")
    if fault == "memory":
        take_memory()
    Agent(os.environ).run()


main()
