// The one-time token is in the fragment, which no server and no log sees; it is taken out of the history before it is sent.
const form = document.getElementById('sign-in');

function useFragment() {
  const token = location.hash.slice(1);
  if (!token) return;
  history.replaceState(null, '', '/sign-in');
  form.elements.token.value = token;
  if ('ask' in form.dataset) {
    form.querySelector('.ask').hidden = false;
    document.querySelector('.ways').hidden = true;
    form.querySelector('button').focus();
  } else {
    form.submit();
  }
}

useFragment();
addEventListener('hashchange', useFragment); // a link that is opened where this page is open already
