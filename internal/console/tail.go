package console

type tailCmd struct {
	ID string `arg:"" help:"The session, or a unique beginning of its id."`
}

func (t *tailCmd) Run(in *invocation) error {
	ctx, stop := in.untilKey()
	defer stop()
	rec, err := in.c.Tail(ctx, in.who, t.ID)
	if err != nil {
		return err
	}
	defer rec.Close()
	if in.json {
		return torn(in, writeEvents(in.out, rec.Events))
	}
	return in.screen(ctx, rec, nil)
}
