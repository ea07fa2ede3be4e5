/**
 * Programs for inbound connections; each says its port in its first line, takes connections one after the other, and
 * appends "PID PORT-OF-THE-CLIENT" to a file for each that it took, so that a test knows the truth.
 *
 * Python itself always passes an address to accept(2); these call it without, as libuv, nginx and systemd do.
 *
 * Arguments: how to accept (`blocking`, `polled`), address to listen on, number of processes (0: the first itself), `one`
 * socket for all or `each` with its own (SO_REUSEPORT), file.
 */
export const pythonAcceptor = `
import ctypes, os, select, socket, sys
how, address, workers, sockets, log = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
family = socket.AF_INET6 if ':' in address else socket.AF_INET
taken = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def listening(port):
    server = socket.socket(family)
    if sockets == 'each': server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    server.bind((address, port))
    server.listen(1024)
    return server
def take(server):
    if how == 'polled':
        server.setblocking(False)
        poll = select.epoll()
        poll.register(server, select.EPOLLIN)
    while True:
        if how == 'polled': poll.poll()
        descriptor = libc.accept(server.fileno(), None, None)
        if descriptor < 0: continue
        client = socket.socket(fileno=descriptor)
        client.setblocking(True)
        os.write(taken, f'{os.getpid()} {client.getpeername()[1]}\\n'.encode())
        try:
            client.sendall(b'x')
            client.recv(1)
        except OSError: pass
        client.close()
first = listening(0)
port = first.getsockname()[1]
own = [first] + [listening(port) for _ in range(int(workers) - 1)] if sockets == 'each' else [first] * int(workers)
children = []
for server in own:
    child = os.fork()
    if child == 0:
        # PR_SET_PDEATHSIG: nobody else ends the workers when the first process is killed.
        libc.prctl(1, 9)
        for other in own:
            if other is not server: other.close()
        take(server)
    children.append(child)
if sockets == 'each':
    for server in own: server.close()
print(port, flush=True)
if not children: take(first)
sys.stdin.readline()
for child in children: os.kill(child, 9)
`;

/** As above; arguments: address, file. */
export const nodeAcceptor = `
const { appendFileSync } = require('fs');
const [, address, log] = process.argv;
const server = require('net').createServer((socket) => {
  appendFileSync(log, process.pid + ' ' + socket.remotePort + '\\n');
  socket.on('error', () => undefined);
  socket.end('x');
});
server.listen({ port: 0, host: address, backlog: 1024 }, () => console.log(server.address().port));
`;

/**
 * "HOW ADDRESS PORT COUNT" on its input; connects so often, and answers with its own ports. HOW: `close` right after
 * connecting, `answered` waits for a byte first, `reset` does that and ends with a reset instead of a FIN, `reset-slowly`
 * with a pause after each.
 */
export const shortClient = `
import socket, struct, sys, time
def once(how, address, port):
    client = socket.create_connection((address, port))
    if how != 'close': client.recv(1)
    if how.startswith('reset'):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    local = client.getsockname()[1]
    client.close()
    if how == 'reset-slowly': time.sleep(0.25)
    return local
print('ready', flush=True)
for line in sys.stdin:
    how, address, port, count = line.split()
    print(*[once(how, address, int(port)) for _ in range(int(count))], flush=True)
`;
