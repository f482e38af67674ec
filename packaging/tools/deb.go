// Command deb makes Gatehouse's Debian package: deb -config nfpm.yaml -out FILE. The variables in the configuration are those of
// the environment.
//
// It is nfpm's own library with its Debian packager alone; the program nfpm brings packagers for six other systems along.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
)

func main() {
	config := flag.String("config", "nfpm.yaml", "nfpm's configuration")
	out := flag.String("out", "", "the package to write")
	flag.Parse()
	if err := pack(*config, *out); err != nil {
		fmt.Fprintln(os.Stderr, "deb:", err)
		os.Exit(1)
	}
}

// pack writes the package. Its times are SOURCE_DATE_EPOCH.
func pack(config, out string) error {
	epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %w: the package would not be the same twice", err)
	}
	all, err := nfpm.ParseFileWithEnvMapping(config, os.Getenv)
	if err != nil {
		return fmt.Errorf("read %s: %w", config, err)
	}
	info, err := all.Get("deb")
	if err != nil {
		return fmt.Errorf("read %s: %w", config, err)
	}
	info = nfpm.WithDefaults(info)
	info.Target, info.MTime = out, time.Unix(epoch, 0).UTC()
	if err := nfpm.PrepareForPackager(info, "deb"); err != nil {
		return fmt.Errorf("prepare package: %w", err)
	}
	packager, err := nfpm.Get("deb")
	if err != nil {
		return err
	}
	file, err := os.Create(out)
	if err != nil {
		return fmt.Errorf("write package: %w", err)
	}
	if err := packager.Package(info, file); err != nil {
		file.Close()
		return fmt.Errorf("write package: %w", err)
	}
	return file.Close()
}
