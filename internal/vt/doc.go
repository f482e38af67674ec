// Package vt is Gatehouse's own terminal emulator: it turns the bytes that a program wrote to a terminal into the screen that a person saw.
// It is used beside the data path only, on what is already recorded: for keyframes (Snapshot), for transcripts and search (OnLine, Lines).
//
// Every byte that it reads was chosen by a target host, which may be hostile. So a Terminal never answers a query, keeps no string that a
// program sent (titles, links, clipboard, device control strings are read over), clamps every number to 0..9999, bounds every loop by its
// own size, and holds at most two screens of at most 1000 × 1000 cells of 24 bytes. Write takes any bytes and never fails; should the
// emulator itself be wrong, it recovers, starts again from an empty screen and says so by Lost.
//
// xterm is the truth in what a sequence means. What is not done: reflow when the width changes (xterm does not either), left and right margins,
// rectangular operations, protected cells, double-width and double-height lines, VT52 mode, national character sets other than the British,
// single shifts, images, and everything that only concerns a keyboard or a mouse. The other screen is empty each time it is entered.
//
// A Terminal is not safe for concurrent use.
package vt
