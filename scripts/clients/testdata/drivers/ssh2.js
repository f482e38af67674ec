// Speaks for ssh2, the SSH client of Node.js (docs/spec/client-driver.md).
'use strict';

const fs = require('fs');
const path = require('path');
const crypto = require('crypto');
const env = process.env;
const ssh2 = require(path.join(env.GH_MODULES, 'ssh2'));

function na(why) {
  fs.writeFileSync(env.GH_NA, why);
  process.exit(0);
}

function fail(err) {
  process.stderr.write(`${err.message || err}\n`, () => process.exit(255));
}

const fingerprint = (key) => 'SHA256:' + crypto.createHash('sha256').update(key).digest('base64').replace(/=+$/, '');

// direct is the door itself, which ssh2 can show no certificate to.
const direct = {
  host: env.GH_HOST,
  port: Number(env.GH_PORT),
  username: env.GH_USER,
  privateKey: fs.readFileSync(env.GH_KEY),
  hostVerifier: (key) => fingerprint(key) === env.GH_FINGERPRINT,
};

// relay is docs/examples/clients/relay.sh.
const relay = {
  host: '127.0.0.1',
  port: Number(env.GH_RELAY_PORT),
  username: env.GH_RELAY_USER,
  privateKey: fs.readFileSync(env.GH_RELAY_KEY),
  hostVerifier: (key) => key.toString('base64') === env.GH_RELAY_HOSTKEY.split(' ')[1],
};

function connect(to) {
  const client = new ssh2.Client();
  client.on('banner', (text) => process.stderr.write(text));
  return new Promise((resolve, reject) => {
    client.once('ready', () => {
      client.on('error', fail);
      resolve(client);
    });
    client.once('error', reject);
    client.connect(to);
  });
}

function start(client, line, options) {
  return new Promise((resolve, reject) => {
    client.exec(line, options || {}, (err, stream) => (err ? reject(err) : resolve(stream)));
  });
}

function status(stream) {
  return new Promise((resolve) => {
    let code = 255;
    stream.on('exit', (c) => { if (c !== null) code = c; });
    stream.on('close', () => resolve(code));
  });
}

async function execute(client, line, options, input) {
  const stream = await start(client, line, options);
  stream.pipe(process.stdout);
  stream.stderr.pipe(process.stderr);
  if (input) input.pipe(stream);
  return status(stream);
}

async function terminal(client, line, cols, rows, cols2, rows2) {
  const stream = await start(client, line, { pty: { term: 'xterm', cols, rows } });
  stream.once('data', () => stream.setWindow(rows2, cols2, 0, 0));
  stream.on('data', (d) => process.stdout.write(d));
  return status(stream);
}

async function channels(client, n) {
  const opened = [];
  for (let i = 0; i < n; i++) {
    const stream = await start(client, 'meet');
    let text = '';
    const ready = new Promise((resolve) => stream.on('data', (d) => { text += d; resolve(); }));
    opened.push({ stream, ready, end: status(stream), text: () => text });
  }
  for (const o of opened) await o.ready;
  for (let i = 0; i < n; i++) {
    opened[i].stream.end(`channel ${i}\n`);
    await opened[i].end;
    process.stdout.write(opened[i].text());
  }
  return 0;
}

function file(client, word, from, to) {
  return new Promise((resolve, reject) => {
    client.sftp((err, sftp) => {
      if (err) return reject(err);
      sftp[word === 'put' ? 'fastPut' : 'fastGet'](from, to, (e) => (e ? reject(e) : resolve(0)));
    });
  });
}

async function main() {
  const [word, ...args] = process.argv.slice(2);
  if (word === 'host-ca') na("ssh2 knows no host certificates: pin the door's key in `hostVerifier`");
  if (['host-key', 'keepalive', 'rekey', 'compress'].includes(word)) na("between the client and its relay; the door sees OpenSSH's");
  if (word === 'signal') na("the relay's sshd passes no signal on to a forced command");
  const client = await connect(word === 'agent' ? { ...direct, privateKey: undefined, agent: env.SSH_AUTH_SOCK } : word === 'certificate' ? direct : relay);
  let code = 0;
  switch (word) {
    case 'exec': case 'certificate': case 'agent': code = await execute(client, args[0], {}, process.stdin); break;
    case 'env': code = await execute(client, args[0], { env: Object.fromEntries(args.slice(1).map((a) => a.split('='))) }); break;
    case 'pty': code = await terminal(client, args[0], ...args.slice(1).map(Number)); break;
    case 'many':
      for (let i = 0; i < Number(args[0]); i++) process.stdout.write(`${await execute(client, `leave ${i}`)}\n`);
      break;
    case 'channels': code = await channels(client, Number(args[0])); break;
    case 'put': case 'get': code = await file(client, word, args[0], args[1]); break;
    case 'put-dir': case 'get-dir': na("a program's own loop over one file and the next"); break;
    case 'forward': na('through the relay there are no forwards'); break;
    default: na('no such word');
  }
  client.end();
  process.stdin.destroy();
  process.exitCode = code;
}

main().catch(fail);
