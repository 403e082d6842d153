// better-auth with its admin plugin: `node run.mjs prepare` makes the tables, the people and an admin; `serve` serves.
// Set up as its documentation says, with two departures: its rate limiter is off, since one address asks for everybody, and
// SQLite syncs every commit.
import { createServer } from 'node:http';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { admin } from 'better-auth/plugins';
import { deal, people, serve, told } from './common.mjs';

const url = `http://127.0.0.1:${told.port}`;
const onPostgres = told.database.startsWith('postgres:');

async function connect() {
  if (onPostgres) {
    const { default: pg } = await import('pg');
    return new pg.Pool({ connectionString: told.database });
  }
  const { default: Database } = await import('better-sqlite3');
  const database = new Database(told.database);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('busy_timeout = 5000');
  return database;
}

const database = await connect();
const auth = betterAuth({
  database,
  baseURL: url,
  secret: 'a secret of a benchmark, thrown away with its data',
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [admin()],
});

async function prepare() {
  const { runMigrations } = await getMigrations(auth.options);
  await runMigrations();
  const rows = people();
  const id = (row) => `person${row.external_id.padStart(26, '0')}`;
  const now = new Date();
  if (onPostgres) {
    for (let at = 0; at < rows.length; at += 10000) {
      const some = rows.slice(at, at + 10000);
      await database.query(
        `INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt", role, banned)
         SELECT id, name, email, verified, $5, $5, 'user', false
         FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[]) AS t (id, name, email, verified)`,
        [
          some.map(id),
          some.map((row) => `${row.first_name} ${row.last_name}`),
          some.map((row) => row.email),
          some.map((row) => row.is_verified === 'true'),
          now,
        ],
      );
    }
  } else {
    const insert = database.prepare(
      `INSERT INTO user (id, name, email, emailVerified, createdAt, updatedAt, role, banned)
       VALUES (?, ?, ?, ?, ?, ?, 'user', 0)`,
    );
    const at = now.toISOString();
    database.transaction(() => {
      for (const row of rows) {
        const verified = row.is_verified === 'true' ? 1 : 0;
        insert.run(id(row), `${row.first_name} ${row.last_name}`, row.email, verified, at, at);
      }
    })();
  }
  const login = { email: 'admin@bank.example', password: 'Lantern-Gravel-77-Orchid' };
  await auth.api.signUpEmail({ body: { ...login, name: 'Admin' } });
  const promote = `UPDATE "user" SET role = 'admin' WHERE email = '${login.email}'`;
  if (onPostgres) await database.query(`${promote}; ANALYZE`);
  else database.exec(`${promote}; ANALYZE`);
  const { headers } = await auth.api.signInEmail({ body: login, returnHeaders: true });
  const cookies = headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ');
  const list = '/api/auth/admin/list-users';
  deal({
    headers: [`cookie: ${cookies}`, `origin: ${url}`],
    ids: rows.map(id),
    requests: {
      get: { method: 'GET', path: '/api/auth/admin/get-user?id={id}' },
      find: { method: 'GET', path: `${list}?filterField=email&filterOperator=eq&filterValue={email}` },
      list: { method: 'GET', path: `${list}?limit=25` },
      deep: { method: 'GET', path: `${list}?limit=25&offset={offset}` },
      lock: { method: 'POST', path: '/api/auth/admin/ban-user', body: { userId: '{id}', banReason: 'case 4711' } },
    },
    ready: '/api/auth/ok',
  });
  if (onPostgres) await database.end();
  else database.close();
}

if (process.argv[2] === 'prepare') await prepare();
else await serve(() => createServer(toNodeHandler(auth)).listen(told.port, '127.0.0.1'));
