// Verifies a log's tiles, entries and checkpoint with Go's own transparency log packages, as an auditor without any
// program of ours would: tlog_verify DIRECTORY PUBLIC-KEY. Built with Debian's golang-golang-x-mod-dev.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

// C2SP's path of a tile: that of the package without the height, which is always 8.
func path(dir, kind string, n int64, w int) string {
	p := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		p = fmt.Sprintf("x%03d/%s", n%1000, p)
	}
	if w != 256 {
		p += fmt.Sprintf(".p/%d", w)
	}
	return filepath.Join(dir, "tile", kind, p)
}

type tiles string

func (t tiles) Height() int                          { return 8 }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, one := range list {
		data, err := os.ReadFile(path(string(t), strconv.Itoa(one.L), one.N, one.W))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func main() {
	if len(os.Args) != 3 {
		fail("usage: tlog_verify DIRECTORY PUBLIC-KEY")
	}
	dir := os.Args[1]
	verifier, err := note.NewVerifier(os.Args[2])
	if err != nil {
		fail("key: %v", err)
	}
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		fail("%v", err)
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		fail("checkpoint: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, err2 := base64.StdEncoding.DecodeString(lines[2])
	if lines[0] != verifier.Name() || err != nil || err2 != nil || len(root) != tlog.HashSize {
		fail("checkpoint: not one of this log")
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	hashes := tlog.TileHashReader(tree, tiles(dir))
	for n := int64(0); n < size; n += 256 {
		w := 256
		if size-n < 256 {
			w = int(size - n)
		}
		data, err := os.ReadFile(path(dir, "entries", n/256, w))
		if err != nil {
			fail("%v", err)
		}
		for i := 0; i < w; i++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				fail("entry %d: cut off", n+int64(i))
			}
			leaf := data[2 : 2+binary.BigEndian.Uint16(data)]
			data = data[2+len(leaf):]
			want, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, n+int64(i))})
			if err != nil {
				fail("tiles: %v", err)
			}
			if tlog.RecordHash(leaf) != want[0] {
				fail("entry %d is not what was signed", n+int64(i))
			}
			proof, err := tlog.ProveRecord(size, n+int64(i), hashes)
			if err != nil || tlog.CheckRecord(proof, size, tree.Hash, n+int64(i), want[0]) != nil {
				fail("entry %d: its proof does not hold", n+int64(i))
			}
		}
	}
	fmt.Printf("good: %d records of %s\n", size, verifier.Name())
}
