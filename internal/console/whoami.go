package console

import (
	"context"
	"strings"
)

// WhoAmI returns who the decider takes the credential for.
func (c *Console) WhoAmI(ctx context.Context, who Credential) (Actor, error) {
	return c.cfg.Authorize.Authorize(ctx, who, WhoAmI, "", "")
}

type whoAmICmd struct{}

func (*whoAmICmd) Run(in *invocation) error {
	actor, err := in.c.WhoAmI(in.ctx, in.who)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(struct {
			Principal string   `json:"principal"`
			Rights    []string `json:"rights"`
		}{actor.Principal, append([]string{}, actor.Rights...)})
	}
	rights := strings.Join(actor.Rights, ", ")
	if rights == "" {
		rights = "none"
	}
	in.printf("%s\nrights: %s\n", Visible(actor.Principal), Visible(rights))
	return nil
}
