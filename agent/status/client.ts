import { lstat } from 'node:fs/promises';
import { connect } from 'node:net';
import { hasCode, reasonOf } from '../../base/errors.js';
import { readStatusDocument, type StatusDocument } from './document.js';

const deadlineMs = 5_000;
const mostBytes = 1_048_576;

export interface Unanswered {
  /** Why there is no status, and what to do: one sentence or two. */
  readonly unanswered: string;
  /** There may be one, but not for this user. */
  readonly forbidden: boolean;
}

/** Asks the agent that serves the socket at `path`. */
export async function askStatus(path: string): Promise<StatusDocument | Unanswered> {
  let text: string;
  try {
    text = await readAll(path);
  } catch (error) {
    return { unanswered: await why(error, path), forbidden: isForbidden(error) };
  }
  // The server has as many clients as it may and closed the connection at once, or it is being stopped.
  if (text === '') {
    return {
      unanswered: `The agent at ${path} is busy with others that ask; try again.`,
      forbidden: false,
    };
  }
  try {
    return readStatusDocument(text);
  } catch (error) {
    return {
      unanswered: `The answer of the agent at ${path} ${reasonOf(error)}.`,
      forbidden: false,
    };
  }
}

function isForbidden(error: unknown): boolean {
  return hasCode(error, 'EACCES', 'EPERM');
}

async function why(error: unknown, path: string): Promise<string> {
  if (isForbidden(error)) {
    return `The status may be asked for by root and by members of the agent's group alone (${path} is closed to user ${process.geteuid?.() ?? '?'}); use sudo, or join the group: usermod -aG iot-security-agent USER.`;
  }
  // connect(2) says ECONNREFUSED of a socket that nobody serves and of what is no socket alike.
  if (hasCode(error, 'ECONNREFUSED') && (await isOccupied(path))) {
    return `The agent cannot be asked whether it runs: ${path} is no socket, so that no agent could put its own there. Remove it and restart the agent with systemctl restart iot-security-agent.`;
  }
  if (hasCode(error, 'ENOENT', 'ECONNREFUSED', 'ENOTDIR')) {
    return `The agent is not running: nobody serves ${path}. Start it with systemctl start iot-security-agent, and see why it ended with journalctl -u iot-security-agent.`;
  }
  return `The agent cannot be asked at ${path}: ${reasonOf(error)}.`;
}

async function isOccupied(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined && !found.isSocket();
}

function readAll(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const socket = connect(path);
    const deadline = setTimeout(() => {
      socket.destroy(
        new Error(
          `it did not answer within ${deadlineMs / 1000} s; it hangs, or is starved of processor time`,
        ),
      );
    }, deadlineMs);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > mostBytes)
        socket.destroy(new Error('the answer is too long; another program is there'));
    });
    socket.once('error', (error) => {
      clearTimeout(deadline);
      // Closed at once by a server that has as many clients as it may.
      if (hasCode(error, 'ECONNRESET', 'EPIPE') && length === 0) resolve('');
      else reject(error);
    });
    socket.once('end', () => {
      clearTimeout(deadline);
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
    socket.once('close', () => {
      clearTimeout(deadline);
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
  });
}
