package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
)

// content holds our own assets, the templates, and dist, which scripts/web-assets fills with the player. Without it dist has
// only a note, and the session page says that the player was not built in.
//
//go:embed ui/assets ui/templates all:ui/dist
var content embed.FS

const playerScript = "asciinema-player.min.js"

var mediaTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
}

// assets are the files under /assets/HASH/; the hash is over all of them, so each version has its own addresses.
type assets struct {
	files map[string][]byte
	hash  string
}

func loadAssets() (*assets, error) {
	a := &assets{files: map[string][]byte{}}
	sum := sha256.New()
	for _, dir := range []string{"ui/assets", "ui/dist"} {
		entries, err := fs.ReadDir(content, dir)
		if err != nil {
			return nil, fmt.Errorf("read assets: %w", err)
		}
		for _, e := range entries {
			if mediaTypes[path.Ext(e.Name())] == "" {
				continue
			}
			data, err := content.ReadFile(path.Join(dir, e.Name()))
			if err != nil {
				return nil, fmt.Errorf("read asset %s: %w", e.Name(), err)
			}
			if a.files[e.Name()] != nil {
				return nil, errors.New("two assets are named " + e.Name())
			}
			a.files[e.Name()] = data
			fmt.Fprintf(sum, "%s %d\n", e.Name(), len(data))
			sum.Write(data)
		}
	}
	a.hash = hex.EncodeToString(sum.Sum(nil))[:16]
	return a, nil
}

// base is the folder of this version's assets.
func (a *assets) base() string { return "/assets/" + a.hash }

// player says whether the player was built in.
func (a *assets) player() bool { return a.files[playerScript] != nil }

func (s *Server) serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	data := s.assets.files[name]
	if data == nil || r.PathValue("hash") != s.assets.hash {
		s.fail(w, r, errNoPage)
		return
	}
	w.Header().Set("Content-Type", mediaTypes[path.Ext(name)])
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(data)
}
