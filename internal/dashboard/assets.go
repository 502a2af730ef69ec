package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed built
var built embed.FS

// asset is one file of the page, ready to be sent.
type asset struct {
	path  string // below the handler; empty for the page itself
	media string
	etag  string
	plain []byte
	small []byte // compressed
}

// media are the types of the page's files.
var media = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// assets compresses the page's files once. They are committed as they are, since compressors differ between versions.
var assets = sync.OnceValue(func() []asset {
	entries, err := built.ReadDir("built")
	if err != nil {
		panic(err) // it is in the binary
	}
	var list []asset
	for _, e := range entries {
		kind, served := media[path.Ext(e.Name())]
		if !served {
			continue // licences, and notes for people
		}
		plain, err := built.ReadFile("built/" + e.Name())
		if err != nil {
			panic(err) // it is in the binary
		}
		sum := sha256.Sum256(plain)
		a := asset{path: e.Name(), media: kind, etag: `"` + hex.EncodeToString(sum[:8]) + `"`, plain: plain, small: compress(plain)}
		if a.path == "index.html" {
			a.path = "{$}"
		}
		list = append(list, a)
	}
	return list
})

func compress(plain []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level exists
	_, _ = w.Write(plain)                                   // a buffer takes all
	_ = w.Close()
	return out.Bytes()
}

// ServeHTTP implements http.Handler. A browser asks each time whether its copy is the newest: a node that was upgraded
// shows its own page at once.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.media)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", a.etag)
	if strings.Contains(r.Header.Get("If-None-Match"), a.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := a.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.small
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the viewer has gone: its concern
}
