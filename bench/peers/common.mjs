// What the peers' scripts share: the people, a number of processes, and the card that tells the load generator what to ask.
import cluster from 'node:cluster';
import { readFileSync, writeFileSync } from 'node:fs';

/// What we are told, by the environment.
export const told = {
  database: process.env.PEER_DATABASE,
  port: Number(process.env.PEER_PORT),
  workers: Number(process.env.PEER_WORKERS ?? 1),
  people: process.env.PEER_PEOPLE,
  card: process.env.PEER_CARD,
};

/// The rows of the file; no field of it has a comma or a quote.
export function people() {
  const [head, ...rows] = readFileSync(told.people, 'utf8').trimEnd().split('\n');
  const names = head.split(',');
  return rows.map((row) => Object.fromEntries(row.split(',').map((value, at) => [names[at], value])));
}

/// Headers as lines, requests with {id}, {email} and {offset} in them, and everybody's id in the order of the file.
export function deal(card) {
  writeFileSync(told.card, JSON.stringify(card));
}

/// Runs a server in as many processes as were asked for, on one port.
export async function serve(one) {
  if (told.workers <= 1 || cluster.isWorker) return one();
  for (let at = 0; at < told.workers; at++) cluster.fork();
  cluster.on('exit', (worker, code) => process.exit(code || 1));
  process.on('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers)) worker.kill();
    process.exit(0);
  });
}
