// The one-time token is in the fragment, which no server and no log sees; it is taken out of the history before it is sent.
const form = document.getElementById('sign-in');
const token = location.hash.slice(1);

if (token) {
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
