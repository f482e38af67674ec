// Package process is the program of a governed shell: it reads shell text as bash does and asks the door for everything that touches
// the target, over the one connection that it has (package wire). It runs in a sandbox, and nobody trusts it: what it asks for the door
// and the decider decide. What it promises is equality with bash for what package admit lets through, and that whatever it cannot do
// alike it says loudly.
//
// The text is interpreted by mvdan.cc/sh/v3/interp. Where that differs from bash or would touch the machine it runs on, the syntax tree
// is changed before it runs (rewrite*.go), the builtin is ours (builtin*.go), or the text is refused.
package process
