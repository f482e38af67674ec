package console

import (
	"context"
	"fmt"
	"time"
)

// Link is a one-time way into the browser. Whoever has the URL is signed in as the person who asked for it.
type Link struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
}

// WebLogin makes a one-time sign-in link for the actor.
func (c *Console) WebLogin(ctx context.Context, who Credential) (Link, error) {
	if _, err := c.cfg.Authorize.Authorize(ctx, who, WebLogin, "", ""); err != nil {
		return Link{}, err
	}
	url, expires, err := c.cfg.Links.MintLink(ctx, who)
	if err != nil {
		return Link{}, fmt.Errorf("mint sign-in link: %w", err)
	}
	return Link{URL: url, Expires: expires.UTC()}, nil
}

type webLoginCmd struct{}

func (*webLoginCmd) Run(in *invocation) error {
	link, err := in.c.WebLogin(in.ctx, in.who)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(link)
	}
	left := link.Expires.Sub(in.c.cfg.Now()).Round(time.Second)
	in.printf("%s\n\nOpens once, until %s (%s from now). Do not share it: it signs in as you.\n", link.URL, Stamp(link.Expires), Took(left))
	return nil
}
