// Goes on by itself where a person would only have to click: to an issuer, and back from one. What came in the address is taken
// out of the history first.
const step = document.querySelector('[data-go]');
history.replaceState(null, '', '/sign-in');
if (step instanceof HTMLFormElement) step.requestSubmit();
else location.replace(step.href);
