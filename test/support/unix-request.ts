import { request } from 'node:http';

/** One request on a unix socket; the body of the answer is read as JSON. */
export async function askUnix(
  socketPath: string,
  method: string,
  path: string,
  body?: object | string,
): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const headers = typeof body === 'object' ? { 'content-type': 'application/json' } : {};
    request({ socketPath, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
      response.on('end', () => {
        const { statusCode: status = 0 } = response;
        resolve({ status, body: text === '' ? undefined : (JSON.parse(text) as unknown) });
      });
    })
      .once('error', reject)
      .end(typeof body === 'object' ? JSON.stringify(body) : body);
  });
}
