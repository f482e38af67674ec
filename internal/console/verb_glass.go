package console

type breakGlassCmd struct {
	Role string `arg:"" help:"The role."`
	orderFlags
	proofFlags
}

// Run asks for a role at once: a strong proof takes the place of others' approval, and two people review afterwards what was done.
func (b *breakGlassCmd) Run(in *invocation) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	order, err := b.order()
	if err != nil {
		return err
	}
	order.Role, order.Glass = b.Role, true
	signature, given, err := b.answers(in)
	if err != nil {
		return err
	}
	if !given {
		c, err := a.Challenge(in.ctx, in.who, "", &order, "ssh")
		if err != nil {
			return err
		}
		return b.offer(in, c, "break-glass "+b.Role+" …")
	}
	order.Proof = &AccessAnswer{Yes: true, Challenge: b.Challenge, Signature: signature}
	r, err := a.Ask(in.ctx, in.who, order)
	if err != nil {
		return err
	}
	return in.showRequest(r)
}

type reviewCmd struct {
	Grant string `arg:"" help:"The break-glass grant, or a unique beginning of its id."`
	Words string `help:"What you found, in one line; it is recorded." required:"" placeholder:"TEXT"`
}

func (r *reviewCmd) Run(in *invocation) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	words, err := line("--words", r.Words)
	if err != nil {
		return err
	}
	g, err := a.Review(in.ctx, in.who, r.Grant, words)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(g)
	}
	in.printf("%s reviewed by %s\n", Visible(g.ID), Visible(votesText(g.Reviews)))
	return nil
}
