package secret

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
)

// Values are made up when the test runs, so that no scanner takes the repository for leaking.
var dice = rand.New(rand.NewPCG(5, 7))

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
	all62  = lower + upper + digits
)

func draw(set string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(set[dice.IntN(len(set))])
	}
	return b.String()
}

// sample is a line of text with a secret in it.
type sample struct{ rule, before, secret, after string }

func samples() []sample {
	x := func(n int) string { return "a1B" + draw(all62, n-3) }
	h := func(n int) string { return "0a" + draw("0123456789abcdef", n-2) }
	jwt := "eyJ" + x(30) + "." + "eyJ" + x(80) + "." + x(43)
	return []sample{
		{"aws-access-key-id", "id ", "AK" + "IA" + draw(upper+"234567", 16), ""},
		{"secret-value", "aws_secret_access_key = ", x(38) + "/+", ""},
		{"github-token", "token is ", "gh" + "p_" + x(36), "."},
		{"github-fine-grained-token", "", "github" + "_pat_" + x(22) + "_" + x(59), ""},
		{"gitlab-token", "PRIVATE-TOKEN: ", "gl" + "pat-" + x(20), ""},
		{"slack-token", "", "xo" + "xb-" + draw(digits, 12) + "-" + draw(digits, 12) + "-" + x(24), " ok"},
		{"slack-webhook", "https://hooks.slack.com/services/", "T" + x(9) + "/B" + x(9) + "/" + x(24), ""},
		{"stripe-key", "stripe=", "sk" + "_live_" + x(24), ""},
		{"npm-token", "//registry/:_authToken=", "np" + "m_" + x(36), ""},
		{"pypi-token", "pass ", "py" + "pi-AgEIcHlwaS5vcmc" + x(80), ""},
		{"jwt", "kubernetes ", jwt, ""},
		{"age-secret-key", "", "AGE-SECRET" + "-KEY-1" + draw("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58), ""},
		{"url-password", "postgres://app:", "Pr0" + x(9), "@db-1:5432/app"},
		{"url-password", "redis://:", "Pr0" + x(9), "@cache:6379"},
		{"password", "password=", "correct-Horse" + draw(digits, 3), ""},
		{"password", "DB_PASSWORD: \"", "correct-Horse" + draw(digits, 3), "\""},
		{"password", "PGPASSWORD=", "hunter" + draw(digits, 1), " psql"},
		{"password", "Server=db;User Id=sa;Password=", "hunter" + draw(digits, 3) + "!", ";Encrypt=true"},
		{"password", `{"user":"x","password":"`, "hunter" + draw(digits, 3), `"}`},
		{"password-option", "mysqladmin --password ", "hunter" + draw(digits, 2), " status"},
		{"mysql-password", "mysql -u root -p", "hunter" + draw(digits, 2), " app"},
		{"sshpass", "sshpass -p '", "hunter" + draw(digits, 2), "' ssh x"},
		{"curl-user", "curl -s -u admin:", "hunter" + draw(digits, 2), " https://x/"},
		{"secret-value", "client_secret: ", x(32), ""},
		{"secret-value", `"SessionToken": "`, x(120) + "==", `",`},
		{"secret-value", "TWILIO_AUTH_TOKEN=", h(32), ""},
		{"secret-value", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=", x(86) + "==", ";EndpointSuffix=core"},
		{"secret-option", "vault login --token ", x(24), ""},
		{"bearer-token", "Authorization: Bearer ", x(40), ""},
		{"basic-auth", "Authorization: Basic ", base64.StdEncoding.EncodeToString([]byte("ann:hunter" + draw(digits, 3))), ""},
		{"cookie", "Set-Cookie: sid=", x(32), "; Path=/"},
		{"vault-token", "Success! ", "hv" + "s." + x(90), ""},
		{"kubernetes-bootstrap-token", "kubeadm join 10.0.0.1:6443 --token ", h(6) + "." + h(16), " --discovery"},
		{"private-key-in-base64", "client-key-data: ", base64.StdEncoding.EncodeToString([]byte("-----BEGIN" + " RSA PRIVATE KEY-----\n" + x(200))), ""},
		{"twilio-key", "sid ", "S" + "K" + h(32), ""},
		{"sendgrid-key", "", "S" + "G." + x(22) + "." + x(43), ""},
		{"telegram-token", "bot", draw("123456789", 9) + ":A" + "A" + x(33), "/getMe"},
		{"discord-token", "DISCORD bot: ", "M" + x(25) + "." + x(6) + "." + x(30), ""},
		{"discord-webhook", "https://discord.com/api/webhooks/" + draw(digits, 18) + "/", x(68), ""},
		{"google-api-key", "key=", "AI" + "za" + x(35), ""},
		{"google-oauth-token", "", "ya" + "29." + x(60), ""},
		{"google-oauth-secret", "", "GOC" + "SPX-" + x(28), ""},
		{"heroku-key", "", "HR" + "KU-" + x(36), ""},
		{"digitalocean-token", "", "dop" + "_v1_" + h(64), ""},
		{"anthropic-key", "", "sk-" + "ant-api03-" + x(90) + "-AA", ""},
		{"openai-key", "", "sk-" + "proj-" + x(60), ""},
		{"hugging-face-token", "", "hf" + "_" + x(34), ""},
		{"azure-client-secret", "secret ", x(3) + "8Q~" + x(34), ""},
		{"terraform-token", "credentials ", x(14) + ".atlas" + "v1." + x(60), ""},
		{"mailchimp-key", "", h(32) + "-us" + "12", ""},
		{"docker-hub-token", "", "dckr" + "_pat_" + x(27), ""},
		{"tailscale-key", "", "tskey-" + "auth-" + x(16) + "-" + x(30), ""},
		{"grafana-token", "", "gl" + "sa_" + x(32) + "_" + h(8), ""},
		{"databricks-token", "", "da" + "pi" + h(32), ""},
		{"password-hash", "root:", "$6" + "$" + x(16) + "$" + x(86), ":19000:0:99999:7:::"},
		{"gatehouse-join-token", "join ", "gh" + "join_" + x(43), ""},
		{"gatehouse-sign-in-link", "https://gatehouse.example/sign-in#", x(43), " opens once"},
		{"putty-key-mac", "Private-MAC: ", h(64), ""},
	}
}
