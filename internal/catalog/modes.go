package catalog

import (
	"context"

	"github.com/asof/asof/manifest"
)

// Modes reads the modes of a checkpoint. base is its repo's base path.
func Modes(ctx context.Context, read Reader, base string, c manifest.Checkpoint) (manifest.Modes, error) {
	data, err := Generated(ctx, read, base, c, manifest.ModesPath, manifest.MaxModes)
	if err != nil || data == nil {
		return manifest.Modes{}, err
	}
	m, err := manifest.ParseModes(data)
	if err != nil {
		return manifest.Modes{}, unreadable(c.Place(base).Key(manifest.ModesPath, manifest.Sum(data)), err)
	}
	return m, nil
}

// Generated reads one of asof's own files in a checkpoint, up to some bytes, and verifies it.
// It returns nil if the checkpoint has no such file.
func Generated(ctx context.Context, read Reader, base string, c manifest.Checkpoint, path string, limit int64) ([]byte, error) {
	e, ok, err := NewFinder(read, c.Pages).Find(ctx, path)
	if err != nil || !ok {
		return nil, err
	}
	key := c.Place(base).Key(e.Path, e.SHA256)
	if e.Size > limit {
		return nil, corrupt(key, "it is larger than %d bytes", limit)
	}
	data, err := read(ctx, key, 0, e.Size+1)
	if err == nil && manifest.Sum(data) != e.SHA256 {
		err = corrupt(key, "its content does not match its digest")
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}
