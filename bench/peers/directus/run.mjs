// Directus on PostgreSQL: `node run.mjs prepare` makes its tables, the people and an admin's token; `serve` serves. The
// settings are those it ships with, but for telemetry and the log of every request, which are off, and its limiter of
// pressure, which would refuse what we count.
import { spawnSync } from 'node:child_process';
import { deal, people, serve, told } from './common.mjs';

const token = 'a-static-token-of-a-benchmark-0123';
const admin = { email: 'admin@example.com', password: 'Lantern-Gravel-77-Orchid' };

Object.assign(process.env, {
  DB_CLIENT: 'pg',
  DB_CONNECTION_STRING: told.database,
  HOST: '127.0.0.1',
  PORT: String(told.port),
  PUBLIC_URL: `http://127.0.0.1:${told.port}`,
  SECRET: 'a secret of a benchmark, thrown away with its data',
  ADMIN_EMAIL: admin.email,
  ADMIN_PASSWORD: admin.password,
  ADMIN_TOKEN: token,
  TELEMETRY: 'false',
  LOG_LEVEL: 'warn',
  PRESSURE_LIMITER_ENABLED: 'false',
});

/// A UUID that tells the row.
const id = (row) => `00000000-0000-4000-8000-${row.external_id.slice(1).padStart(12, '0')}`;

async function prepare() {
  // By its own command, but past the check for updates, which would ask the internet.
  const made = spawnSync(process.execPath, [import.meta.filename, 'bootstrap'], { stdio: ['ignore', 2, 2] });
  if (made.status !== 0) process.exit(1);
  const { default: pg } = await import('pg');
  const database = new pg.Client({ connectionString: told.database });
  await database.connect();
  const rows = people();
  for (let at = 0; at < rows.length; at += 10000) {
    const some = rows.slice(at, at + 10000);
    await database.query(
      `INSERT INTO directus_users (id, first_name, last_name, email, status, provider)
       SELECT id, first_name, last_name, email, 'active', 'default'
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS t (id, first_name, last_name, email)`,
      [some.map(id), ...['first_name', 'last_name', 'email'].map((name) => some.map((row) => row[name]))],
    );
  }
  await database.query('ANALYZE');
  await database.end();
  deal({
    headers: [`authorization: Bearer ${token}`],
    ids: rows.map(id),
    requests: {
      get: { method: 'GET', path: '/users/{id}' },
      find: { method: 'GET', path: '/users?filter[email][_eq]={email}' },
      list: { method: 'GET', path: '/users?limit=25&meta=filter_count' },
      deep: { method: 'GET', path: '/users?limit=25&meta=filter_count&offset={offset}' },
      lock: { method: 'PATCH', path: '/users/{id}', body: { status: 'suspended' } },
    },
    ready: '/server/ping',
  });
}

function directus(command) {
  process.argv = [process.argv[0], 'directus', command];
  return import('@directus/api/cli/run.js');
}

if (process.argv[2] === 'prepare') await prepare();
else if (process.argv[2] === 'bootstrap') await directus('bootstrap');
else await serve(() => directus('start'));
