package console

import (
	"fmt"
	"io"
	"strings"
)

// maxSignature bounds what is read of an armored signature.
const maxSignature = 16 << 10

// SignatureNamespace is what approvals are signed under (ssh-keygen -Y sign -n).
const SignatureNamespace = "approval@gatehouse"

// proofFlags are how somebody proves on a terminal that they mean exactly this.
type proofFlags struct {
	Text      bool   `help:"Print the text that is signed and nothing else; the challenge goes to the standard error."`
	Challenge string `help:"The challenge that the signature answers." placeholder:"chl_…"`
	Signature string `help:"The signature of the text by ssh-keygen -Y sign, on the standard input: -." placeholder:"-"`
}

// answers reports whether a proof is handed in, and reads it.
func (p proofFlags) answers(in *invocation) (signature string, given bool, err error) {
	switch {
	case p.Challenge == "" && p.Signature == "":
		return "", false, nil
	case p.Challenge == "" || p.Signature != "-" || p.Text:
		return "", true, usagef("a proof is --challenge ID --signature -, with the signature on the standard input")
	case in.std.In == nil:
		return "", true, usagef("there is no standard input to read the signature from")
	}
	text, err := io.ReadAll(io.LimitReader(in.std.In, maxSignature+1))
	if err != nil {
		return "", true, fmt.Errorf("read signature: %w", err)
	}
	if len(text) > maxSignature || !strings.HasPrefix(string(text), "-----BEGIN SSH SIGNATURE-----") {
		return "", true, usagef("the standard input is no signature of ssh-keygen -Y sign")
	}
	return string(text), true, nil
}

// offer shows what is to be signed, and how.
func (p proofFlags) offer(in *invocation, c AccessChallenge, again string) error {
	switch {
	case in.json:
		return in.printJSON(c)
	case p.Text:
		fmt.Fprintf(in.errs, "challenge %s, good until %s\n", c.ID, Stamp(c.Expires))
		_, err := io.WriteString(in.out, c.Text)
		return err
	}
	for _, l := range lines(c.Text) {
		in.println(Visible(l))
	}
	in.printf("\nNothing is approved yet. Sign this text on your own machine before %s:\n", Stamp(c.Expires))
	in.printf("  gatehouse %s --key ~/.ssh/id_ed25519\nor, with stock tools alone:\n", again)
	in.printf("  %s %s --text > t    # says the challenge, chl_…\n", in.std.Program, again)
	in.printf("  ssh-keygen -Y sign -n %s -f ~/.ssh/id_ed25519 t\n", SignatureNamespace)
	in.printf("  %s %s --challenge chl_… --signature - < t.sig\n", in.std.Program, again)
	return nil
}

type approveCmd struct {
	ID    string `arg:"" help:"The request, or a unique beginning of its id."`
	Words string `help:"What you want to say with it, in one line." placeholder:"TEXT"`
	proofFlags
}

func (a *approveCmd) Run(in *invocation) error {
	decider, err := in.access()
	if err != nil {
		return err
	}
	signature, given, err := a.answers(in)
	if err != nil {
		return err
	}
	if !given {
		c, err := decider.Challenge(in.ctx, in.who, a.ID, nil, "ssh")
		if err != nil {
			return err
		}
		return a.offer(in, c, "approve "+c.Request)
	}
	out := AccessAnswer{Request: a.ID, Yes: true, Challenge: a.Challenge, Signature: signature}
	if a.Words != "" {
		if out.Words, err = line("--words", a.Words); err != nil {
			return err
		}
	}
	r, err := decider.Answer(in.ctx, in.who, out)
	if err != nil {
		return err
	}
	return in.showRequest(r)
}

type declineCmd struct {
	ID     string `arg:"" help:"The request, or a unique beginning of its id."`
	Reason string `help:"Why, in one line; whoever asked reads it." required:"" placeholder:"TEXT"`
}

func (d *declineCmd) Run(in *invocation) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	words, err := line("a reason", d.Reason)
	if err != nil {
		return err
	}
	r, err := a.Answer(in.ctx, in.who, AccessAnswer{Request: d.ID, Words: words})
	if err != nil {
		return err
	}
	return in.showRequest(r)
}
