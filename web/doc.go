// Package web is the browser's side of Gatehouse: pages, a JSON API and live streams over the console's verbs.
//
// It trusts nothing: a browser's cookie goes to the decider as it came, with every single request, and the decider says who is
// acting and whether they may; recordings, names and command lines are foreign text and are only ever shown escaped.
//
// It guarantees that no page or answer leaves without a valid sign-in but the sign-in page, the assets, and the panic page when the
// decider cannot say in time who is there, which shows nothing of anybody's; that no yes is taken without an authenticator's answer
// to a challenge of the decider; that nothing changes on a GET, nor on a request from another origin; that no inline script or style
// runs (Content-Security-Policy), and that recordings are not kept by any cache.
package web
