/**
 * A real nginx, as its users run it: one worker, logs off, sockets kept. Runs as whoever starts it, with all its files in a
 * directory of its own. Where there is none the benchmarks say so; nothing stands in for it.
 */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '#test/support/daemon.js';
import { freePort, makeTempDir, start } from '#test/support/process.js';

export interface Nginx extends AsyncDisposable {
  /** Of its master; its worker came out of it. */
  readonly pid: number;
  readonly port: number;
}

export interface NginxOptions {
  /** The inside of `http`, given the port to listen on. */
  readonly http: (port: number) => string;
  /** By name, into its directory. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
}

export async function startNginx({ http, files }: NginxOptions): Promise<Nginx> {
  const directory = await makeTempDir('dauth-bench-nginx-');
  const at = (name: string): string => join(directory.path, name);
  const port = await freePort();
  for (const [name, content] of Object.entries({ ...files, 'nginx.conf': configuration(http(port)) }))
    await writeFile(at(name), content);
  // Whoever is root has its workers run as somebody else.
  await chmod(directory.path, 0o755);
  // What it says goes to its stderr alone, and who waits for it reads its stdout.
  const command = [findProgram('nginx')!, '-p', directory.path, '-c', at('nginx.conf'), '-e', 'stderr'];
  const child = await start({
    file: '/bin/sh',
    args: ['-c', 'exec "$@" 2>&1', 'sh', ...command],
    isReady: (line) => line.includes('start worker process'),
  });
  return {
    pid: child.pid,
    port,
    async [Symbol.asyncDispose]() {
      await child.stop();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function configuration(http: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`);
  return `
    daemon off;
    worker_processes 1;
    pid nginx.pid;
    error_log stderr notice;
    events { worker_connections 4096; }
    http {
      access_log off;
      keepalive_requests 100000000;
      keepalive_timeout 75s;
      ${paths.join(' ')}
      ${http}
    }`;
}
