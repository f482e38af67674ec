// Approving with a passkey, and break-glass. The challenge and every check are the decider's; this only carries.
async function post(path, body) {
  const answer = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error || said.title);
  return said;
}

// prove lets the authenticator sign a challenge. It verifies its user; a click is not enough.
async function prove(challenge) {
  const options = challenge.options.publicKey ?? challenge.options;
  const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  return { challenge: challenge.id, assertion: credential.toJSON() };
}

async function approve(form) {
  const path = `/api/requests/${form.dataset.approve}`;
  const challenge = await post(`${path}/challenge`, {});
  if (challenge.hash !== form.dataset.hash) throw new Error('This is not what the page shows any more. Reload it.');
  return post(`${path}/approve`, { ...await prove(challenge), words: form.elements.words.value });
}

async function breakGlass(form) {
  const order = Object.fromEntries(new FormData(form));
  return post('/api/break-glass', { ...order, ...await prove(await post('/api/break-glass/challenge', order)) });
}

const words = {
  NotAllowedError: 'Nothing was proven: no passkey was used, or its time was over. Nothing changed.',
  SecurityError: 'The browser does not allow passkeys at this address.',
};

// offer shows a button and lets it run a step, once at a time.
function offer(form, button, event, target, step) {
  const problem = form.querySelector('.problem');
  const wait = form.querySelector('[data-wait]');
  button.hidden = false;
  target.addEventListener(event, async (e) => {
    e.preventDefault();
    problem.hidden = true;
    button.disabled = true;
    document.body.dataset.busy = 'yes';
    if (wait) wait.hidden = false;
    try {
      if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) throw new Error('This browser is too old for passkeys here.');
      location.replace((await step(form)).next);
    } catch (error) {
      problem.textContent = words[error.name] ?? error.message;
      problem.hidden = false;
      button.disabled = false;
      delete document.body.dataset.busy;
    }
    if (wait) wait.hidden = true;
  });
}

for (const form of document.querySelectorAll('form[data-approve]')) {
  const button = form.querySelector('[data-yes]');
  if (button) offer(form, button, 'click', button, approve);
}
for (const form of document.querySelectorAll('form[data-glass]')) offer(form, form.querySelector('button'), 'submit', form, breakGlass);
