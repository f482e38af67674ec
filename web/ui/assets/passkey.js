// Sign-in with a passkey, and registration of one. The challenge and every check are the server's; this only carries.
const forms = document.querySelectorAll('form[data-passkey]');

async function post(path, body) {
  const answer = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error || said.title);
  return said;
}

async function signIn() {
  const options = await post('/api/sign-in/passkey/begin', {});
  const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey) });
  return post('/api/sign-in/passkey', credential.toJSON());
}

async function add(form) {
  const options = await post('/api/account/passkeys/begin', {});
  const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey) });
  return post('/api/account/passkeys', { name: form.elements.name.value, answer: credential.toJSON() });
}

// What browsers call the same thing: nothing was chosen, the time is over, or the site may not ask.
const words = {
  NotAllowedError: 'No passkey was used. Try again, or use another way.',
  InvalidStateError: 'This device has a passkey for your account already.',
  SecurityError: 'The browser does not allow passkeys at this address.',
};

for (const form of forms) {
  const button = form.querySelector('button');
  const problem = form.querySelector('.problem');
  button.hidden = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    problem.hidden = true;
    button.disabled = true;
    try {
      if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) throw new Error('This browser is too old for passkeys here.');
      const { next } = await (form.dataset.passkey === 'add' ? add(form) : signIn());
      const to = form.dataset.next ?? next;
      location.assign(to);
      if (new URL(to, location.href).pathname === location.pathname) location.reload();
    } catch (error) {
      problem.textContent = words[error.name] ?? error.message;
      problem.hidden = false;
      button.disabled = false;
    }
  });
}
