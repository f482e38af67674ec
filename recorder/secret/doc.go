// Package secret finds passwords, keys and tokens in what sessions print and ask for, so that they are masked wherever a
// recording is shown. The recording itself is never rewritten.
//
// It trusts nothing in a recording's bytes. What it finds is a heuristic: well-known kinds of token by their shape, values
// after words such as password= and token:, private keys, credentials in addresses and headers, and exact values that
// Gatehouse was told. It reads streams as a terminal would show them line by line: without escape sequences, with lines
// joined that the screen's width broke, and with characters overwritten after a backspace. It does not emulate the screen: a
// secret that a program paints piece by piece in places of its own, encodes or encrypts is not found.
//
// Bounds: a line is looked at in pieces of 16 KiB that overlap by 1 KiB; Scan keeps at most 100,000 hits of a recording, and
// from the first one too many on everything is masked; Mask holds at most 1 MiB of events.
package secret
