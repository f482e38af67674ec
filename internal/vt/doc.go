// Package vt is a terminal without a screen: it reads what a program writes and knows what somebody would see.
//
// It makes the keyframes of recordings, the lines that are searched, and transcripts. It is fed from what is stored and never
// stands in the way of a session. It follows xterm; where xterm.js differs from xterm it follows xterm.js, which plays such
// streams in browsers. It never answers: whoever writes to it gets nothing back.
//
// What it reads is hostile. Write takes any bytes in time proportional to their number and keeps no more than two screens,
// some bytes of an unfinished sequence, and at most eight combining characters a cell. Numbers are cut to 9,999, sizes to
// 1..1000. It is not safe for concurrent use.
package vt
