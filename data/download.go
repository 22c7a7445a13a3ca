package data

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A downloader fetches files over HTTP.
type downloader struct {
	client *http.Client
	// stall is how long a server may send nothing.
	stall time.Duration
	// tries is how often one mirror is asked for one file.
	tries int
}

func defaultDownloader() *downloader {
	return &downloader{client: http.DefaultClient, stall: 30 * time.Second, tries: 3}
}

// fetch downloads f to path from the first mirror that delivers it. What has
// arrived stands in path with .part appended, and a later call, or the next
// mirror, goes on from there. The file gets its name only when its SHA-256 is
// right.
func (d *downloader) fetch(ctx context.Context, path string, f remoteFile, mirrors []string, progress func(string, int64, int64)) error {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	var failures []error
	for _, mirror := range mirrors {
		for range d.tries {
			err := d.fetchFrom(ctx, mirror+f.name, path, f, progress)
			if err == nil {
				return nil
			}
			if ctx.Err() != nil {
				return fmt.Errorf("data: download of %s: %w", f.name, ctx.Err())
			}
			// A local failure is the same on every mirror.
			if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
				return fmt.Errorf("data: download of %s: %w", f.name, err)
			}
			failures = append(failures, err)
			if again := (*interruptedError)(nil); !errors.As(err, &again) {
				break
			}
		}
	}
	return fmt.Errorf("data: cannot download %s: %w", f.name, errors.Join(failures...))
}

// An interruptedError is a failure that another try on the same mirror may
// mend.
type interruptedError struct{ error }

func (e *interruptedError) Unwrap() error { return e.error }

// fetchFrom makes one request, for what the .part file lacks, and gives the
// file its name if it is then whole and right.
func (d *downloader) fetchFrom(ctx context.Context, url, path string, f remoteFile, progress func(string, int64, int64)) error {
	part, err := os.OpenFile(path+".part", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer part.Close()
	have, err := part.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if have > f.size {
		if have, err = restart(part); err != nil {
			return err
		}
	}
	resumed := have > 0
	if have < f.size {
		if have, err = d.receive(ctx, url, part, have, f, progress); err != nil {
			return err
		}
	}
	if have < f.size {
		return &interruptedError{fmt.Errorf("%s: ended after %d of %d bytes", url, have, f.size)}
	}
	if err := checkDigest(part, f.sha256); err != nil {
		if _, restartErr := restart(part); restartErr != nil {
			return restartErr
		}
		err = fmt.Errorf("%s: %w", url, err)
		if resumed {
			// The beginning may be at fault, and it is not from this request.
			return &interruptedError{err}
		}
		return err
	}
	if err := part.Sync(); err != nil {
		return err
	}
	// Windows does not rename open files.
	if err := part.Close(); err != nil {
		return err
	}
	err = os.Rename(path+".part", path)
	if _, statErr := os.Stat(path); errors.Is(err, fs.ErrNotExist) && statErr == nil {
		// Another process wrote the same bytes to the same .part file and
		// was first.
		return nil
	}
	return err
}

// receive requests the bytes of f from have on, writes them to part, and
// returns up to where it came. A server that does not know ranges sends the
// whole file, which goes over what was there.
func (d *downloader) receive(ctx context.Context, url string, part *os.File, have int64, f remoteFile, progress func(string, int64, int64)) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The timer runs out when nothing has arrived for too long.
	timer := time.AfterFunc(d.stall, func() {
		cancel(fmt.Errorf("nothing received for %v", d.stall))
	})
	defer timer.Stop()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return have, err
	}
	// The files are compressed; the bytes must come as they are.
	request.Header.Set("Accept-Encoding", "identity")
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	response, err := d.client.Do(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = fmt.Errorf("%s: %w", url, cause)
		}
		return have, err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusOK:
		// The old bytes stay until the same ones overwrite them: if this
		// connection is cut too, they are not lost.
		have, err = part.Seek(0, io.SeekStart)
	case response.StatusCode == http.StatusPartialContent && have > 0:
		if r := response.Header.Get("Content-Range"); !strings.HasPrefix(r, fmt.Sprintf("bytes %d-", have)) {
			err = fmt.Errorf("%s: asked for bytes from %d on, got %q", url, have, r)
		}
	default:
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	if err != nil {
		return have, err
	}

	progress(f.name, have, f.size)
	buf := make([]byte, 1<<16)
	for {
		n, readErr := response.Body.Read(buf)
		timer.Reset(d.stall)
		if int64(n) > f.size-have {
			_, err := restart(part)
			return 0, errors.Join(fmt.Errorf("%s: sends more than the %d bytes of the file", url, f.size), err)
		}
		if n > 0 {
			if _, err := part.Write(buf[:n]); err != nil {
				return have, err
			}
			have += int64(n)
			progress(f.name, have, f.size)
		}
		switch {
		case readErr == io.EOF:
			return have, nil
		case readErr != nil:
			if cause := context.Cause(ctx); cause != nil {
				readErr = cause
			}
			return have, &interruptedError{fmt.Errorf("%s: after %d of %d bytes: %w", url, have, f.size, readErr)}
		}
	}
}

// restart empties a file.
func restart(f *os.File) (size int64, err error) {
	if err := f.Truncate(0); err != nil {
		return 0, err
	}
	return f.Seek(0, io.SeekStart)
}

// checkDigest compares the SHA-256 of a file's content.
func checkDigest(f *os.File, want string) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("SHA-256 is %s, expected %s", got, want)
	}
	return nil
}
