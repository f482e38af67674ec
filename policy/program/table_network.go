package program

// network are the programs that talk to other machines.
var network = map[string]Program{
	"curl":    {Style: getopt("AbcCdDeEFHKmoPQrtTuUwxXyYz", curlLong).unclear("h").digits()},
	"dig":     {},
	"host":    {},
	"ip":      {},
	"netstat": {Style: getopt("A", "protocol")},
	"ping":    {},
	"rsync":   {add: rsyncAdditions},
	"ss":      {Style: getopt("ADFfN", "family query socket diag filter net")},
	"wget":    {Style: getopt("aABDeGiIlnoOPQRtTUwXY", wgetLong).digits(), env: [][2]string{{"WGETRC", "/dev/null"}}},

	"crictl":  {},
	"docker":  {},
	"helm":    {},
	"kubectl": {Style: Style{Bundle: true, Permute: true, Equals: true, Values: "cklLnosv", Unclear: "bdefgprtu", Long: kubectlLong}}, // after "--" stands what exec runs

	"mysql":     {env: pagerCat},
	"pg_dump":   {Style: getopt("dEeFfhjNnpSTtUZ", pgDumpLong).digits()},
	"psql":      {Style: getopt("cdfFhLopPRTUv", "command dbname file set variable log-file output field-separator pset record-separator table-attr host port username").digits(), env: psqlEnv},
	"redis-cli": {env: [][2]string{{"REDISCLI_RCFILE", "/dev/null"}}},
	"sqlite3":   {},
}

// psqlEnv keeps psql from starting a pager, and from reading a start-up file, which may start other programs.
var psqlEnv = [][2]string{{"PAGER", "cat"}, {"PSQL_PAGER", "cat"}, {"PSQLRC", "/dev/null"}}

// The long options that take a value: of curl 7.88 and a few of later ones, wget 1.21, kubectl 1.32.
const (
	curlLong = `abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers config connect-timeout connect-to continue-at cookie cookie-jar
create-file-mode crlfile curves data data-ascii data-binary data-raw data-urlencode delegation dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers
doh-url dump-header egd-file engine etag-compare etag-save expect100-timeout form form-string ftp-account ftp-alternative-to-user ftp-method ftp-port
ftp-ssl-ccc-mode happy-eyeballs-timeout-ms haproxy-clientip header hostpubmd5 hostpubsha256 hsts interface ipfs-gateway json keepalive-time key
key-type krb libcurl limit-rate local-port login-options mail-auth mail-from mail-rcpt max-filesize max-redirs max-time netrc-file noproxy
oauth2-bearer output output-dir parallel-max pass pinnedpubkey preproxy proto proto-default proto-redir proxy proxy-cacert proxy-capath proxy-cert
proxy-cert-type proxy-ciphers proxy-crlfile proxy-header proxy-key proxy-key-type proxy-pass proxy-pinnedpubkey proxy-service-name proxy-tls13-ciphers
proxy-tlsauthtype proxy-tlspassword proxy-tlsuser proxy-user proxy1.0 pubkey quote random-file range rate referer request request-target resolve retry
retry-delay retry-max-time sasl-authzid service-name socks4 socks4a socks5 socks5-gssapi-service socks5-hostname speed-limit speed-time stderr
telnet-option tftp-blksize time-cond tls-max tls13-ciphers tlsauthtype tlspassword tlsuser trace trace-ascii trace-config unix-socket upload-file url
url-query user user-agent variable write-out`

	pgDumpLong = `file format jobs compress lock-wait-timeout extension encoding schema exclude-schema superuser table exclude-table exclude-table-data
extra-float-digits include-foreign-data restrict-key rows-per-insert section snapshot dbname host port username role`

	wgetLong = `accept accept-regex append-output backups base bind-address body-data body-file ca-certificate ca-directory certificate certificate-type ciphers
compression config connect-timeout crl-file cut-dirs default-page directory-prefix dns-timeout domains exclude-directories exclude-domains execute
follow-tags ftp-password ftp-user header http-password http-user ignore-tags include-directories input-file level limit-rate load-cookies
local-encoding max-redirect method output-document output-file password pinnedpubkey post-data post-file prefer-family private-key private-key-type
progress proxy-password proxy-user quota read-timeout referer regex-type reject reject-regex rejected-log remote-encoding report-speed
restrict-file-names retry-on-http-error save-cookies secure-protocol start-pos timeout tries use-askpass user user-agent wait waitretry warc-dedup
warc-file warc-header warc-max-size warc-tempdir`

	kubectlLong = `as as-group as-uid cache-dir certificate-authority chunk-size client-certificate client-key cluster container context field-manager field-selector
filename kubeconfig kustomize label-columns limit-bytes log-flush-frequency max-log-requests namespace output password pod-running-timeout profile
profile-output raw request-timeout revision selector server since since-time sort-by subresource tail template timeout tls-server-name to-revision
token user username`
)
