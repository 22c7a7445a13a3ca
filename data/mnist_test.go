package data

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A testServer serves the four files of a small set.
type testServer struct {
	*httptest.Server
	files map[string][]byte

	mu       sync.Mutex
	requests []string // "file range" in order
}

// requested returns what was asked for so far, and forgets it.
func (s *testServer) requested() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests
	s.requests = nil
	return r
}

// newTestServer starts a server. handle, if not nil, may answer a request for
// a file itself, and reports whether it did.
func newTestServer(t *testing.T, files map[string][]byte, handle func(w http.ResponseWriter, r *http.Request, file []byte) bool) *testServer {
	s := &testServer{files: files}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		s.mu.Lock()
		s.requests = append(s.requests, strings.TrimSpace(name+" "+r.Header.Get("Range")))
		s.mu.Unlock()
		file, ok := s.files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if handle != nil && handle(w, r, file) {
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(file)))
	}))
	t.Cleanup(s.Close)
	return s
}

// testFiles returns the files of a set of 30 and 20 images of 2x3, compressed.
func testFiles(t *testing.T) map[string][]byte {
	images := func(n int) []byte {
		values := make([]uint8, n*6)
		r := newRandom(99)
		for i := range values {
			values[i] = uint8(r.below(256))
		}
		return compress(t, idx(values, uint32(n), 2, 3))
	}
	labels := func(n int) []byte {
		values := make([]uint8, n)
		for i := range values {
			values[i] = uint8(i % 3)
		}
		return compress(t, idx(values, uint32(n)))
	}
	return map[string][]byte{
		"train-images-idx3-ubyte.gz": images(30),
		"train-labels-idx1-ubyte.gz": labels(30),
		"t10k-images-idx3-ubyte.gz":  images(20),
		"t10k-labels-idx1-ubyte.gz":  labels(20),
	}
}

// testSet describes the files, to be had from the mirrors.
func testSet(files map[string][]byte, mirrors ...string) *idxSet {
	s := &idxSet{name: "tiny", classes: []string{"a", "b", "c"}, mirrors: mirrors}
	for i, f := range idxSets[0].files {
		sum := sha256.Sum256(files[f.name])
		s.files[i] = remoteFile{f.name, int64(len(files[f.name])), hex.EncodeToString(sum[:])}
	}
	return s
}

func testDownloader(s *testServer) *downloader {
	return &downloader{client: s.Client(), stall: 10 * time.Second, tries: 3}
}

// useCache makes an empty folder the user's cache and returns where the set
// "tiny" will be.
func useCache(t *testing.T) string {
	dir := t.TempDir()
	t.Setenv(dirVariable, "")
	for _, variable := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData", "home"} {
		t.Setenv(variable, dir)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cache, "isrlu", "tiny")
}

func writeFiles(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fetchOne downloads the training images alone into an empty folder, or one
// with the beginning of the file, and returns what the folder has then.
func fetchOne(t *testing.T, s *idxSet, d *downloader, begun []byte) (files map[string]string, err error) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, s.files[0].name)
	if begun != nil {
		writeFiles(t, dir, map[string][]byte{s.files[0].name + ".part": begun})
	}
	err = d.fetch(context.Background(), path, s.files[0], s.mirrors, nil)
	entries, readErr := os.ReadDir(dir)
	if readErr != nil {
		t.Fatal(readErr)
	}
	files = make(map[string]string)
	for _, e := range entries {
		b, readErr := os.ReadFile(filepath.Join(dir, e.Name()))
		if readErr != nil {
			t.Fatal(readErr)
		}
		files[e.Name()] = string(b)
	}
	return files, err
}

const firstFile = "train-images-idx3-ubyte.gz"

// onlyFirst reports whether the folder has the first file, right, and no more.
func onlyFirst(folder map[string]string, files map[string][]byte) bool {
	return len(folder) == 1 && folder[firstFile] == string(files[firstFile])
}

func TestSetIsDownloadedOnce(t *testing.T) {
	files := testFiles(t)
	server := newTestServer(t, files, nil)
	set := testSet(files, server.URL+"/")
	cache := useCache(t)
	done := make(map[string]int64)
	o := Options{Train: 7, Progress: func(what string, n, total int64) {
		if n < done[what] || n > total || total != int64(len(files[what])) {
			t.Errorf("progress of %s: %d of %d, after %d", what, n, total, done[what])
		}
		done[what] = n
	}}
	for range 2 {
		got, err := set.load(context.Background(), o, testDownloader(server))
		if err != nil {
			t.Fatal(err)
		}
		train, test := got.Images()
		if train.Len() != 7 || test.Len() != 20 || train.Height != 2 || train.Width != 3 || got.Name != "tiny" {
			t.Errorf("got %+v", got)
		}
	}
	if n := len(server.requested()); n != 4 {
		t.Errorf("%d requests, expected 4", n)
	}
	for name, b := range files {
		if done[name] != int64(len(b)) {
			t.Errorf("progress of %s ended at %d of %d", name, done[name], len(b))
		}
		if got, err := os.ReadFile(filepath.Join(cache, name)); err != nil || string(got) != string(b) {
			t.Errorf("%s in the cache: %d bytes, %v", name, len(got), err)
		}
	}
	// One that is missing is downloaded alone; one that is broken is named.
	clear(done)
	if err := os.Remove(filepath.Join(cache, "t10k-labels-idx1-ubyte.gz")); err != nil {
		t.Fatal(err)
	}
	if _, err := set.load(context.Background(), o, testDownloader(server)); err != nil {
		t.Fatal(err)
	}
	if r := server.requested(); !slices.Equal(r, []string{"t10k-labels-idx1-ubyte.gz"}) {
		t.Errorf("requests %v", r)
	}
	writeFiles(t, cache, map[string][]byte{firstFile: {0, 0, 8}})
	if _, err := set.load(context.Background(), o, testDownloader(server)); err == nil ||
		!strings.Contains(err.Error(), filepath.Join(cache, firstFile)) || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("error of a broken file: %v", err)
	}
}

func TestDownloadResumesAfterACut(t *testing.T) {
	files := testFiles(t)
	var requests atomic.Int64
	server := newTestServer(t, files, func(w http.ResponseWriter, r *http.Request, file []byte) bool {
		if requests.Add(1) > 1 {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(file)))
		w.Write(file[:50])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	folder, err := fetchOne(t, testSet(files, server.URL+"/"), testDownloader(server), nil)
	if err != nil || !onlyFirst(folder, files) {
		t.Errorf("folder has %d files, %v", len(folder), err)
	}
	if r := server.requested(); !slices.Equal(r, []string{firstFile, firstFile + " bytes=50-"}) {
		t.Errorf("requests %v", r)
	}
}

func TestDownloadGoesOnFromAPart(t *testing.T) {
	files := testFiles(t)
	file := files[firstFile]
	server := newTestServer(t, files, nil)
	set := testSet(files, server.URL+"/")
	wrong := slices.Clone(file[:40])
	wrong[20] ^= 1
	for _, c := range []struct {
		name     string
		begun    []byte
		requests []string
	}{
		{"empty", []byte{}, []string{firstFile}},
		{"begun", file[:40], []string{firstFile + " bytes=40-"}},
		{"whole", file, nil},
		{"too long", append(slices.Clone(file), 1), []string{firstFile}},
		// The digest tells, and the download begins anew.
		{"wrong", wrong, []string{firstFile + " bytes=40-", firstFile}},
	} {
		folder, err := fetchOne(t, set, testDownloader(server), c.begun)
		if err != nil || !onlyFirst(folder, files) {
			t.Errorf("%s: folder has %d files, %v", c.name, len(folder), err)
		}
		if r := server.requested(); !slices.Equal(r, c.requests) {
			t.Errorf("%s: requests %v, expected %v", c.name, r, c.requests)
		}
	}
}

func TestServerWithoutRanges(t *testing.T) {
	files := testFiles(t)
	var requests atomic.Int64
	server := newTestServer(t, files, func(w http.ResponseWriter, r *http.Request, file []byte) bool {
		w.Header().Set("Content-Length", strconv.Itoa(len(file)))
		if requests.Add(1) == 1 {
			// Cut before the place where the .part file ends.
			w.Write(file[:30])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		w.Write(file)
		return true
	})
	folder, err := fetchOne(t, testSet(files, server.URL+"/"), testDownloader(server), files[firstFile][:40])
	if err != nil || !onlyFirst(folder, files) {
		t.Errorf("folder has %d files, %v", len(folder), err)
	}
	if r := server.requested(); !slices.Equal(r, []string{firstFile + " bytes=40-", firstFile + " bytes=40-"}) {
		t.Errorf("requests %v", r)
	}
}

// A mirror that delivers something else is passed over, and nothing of it
// stays.
func TestDownloadTriesTheNextMirror(t *testing.T) {
	files := testFiles(t)
	good := newTestServer(t, files, nil)
	for name, handle := range map[string]func(w http.ResponseWriter, r *http.Request, file []byte) bool{
		"wrong content": func(w http.ResponseWriter, r *http.Request, file []byte) bool {
			w.Write(make([]byte, len(file)))
			return true
		},
		"too long": func(w http.ResponseWriter, r *http.Request, file []byte) bool {
			for range 1000 {
				w.Write(file)
			}
			return true
		},
		"too short": func(w http.ResponseWriter, r *http.Request, file []byte) bool {
			w.Write([]byte("sorry"))
			return true
		},
		"error": func(w http.ResponseWriter, r *http.Request, file []byte) bool {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return true
		},
		"another range": func(w http.ResponseWriter, r *http.Request, file []byte) bool {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(file)-1, len(file)))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(file)
			return true
		},
		"stall": func(w http.ResponseWriter, r *http.Request, file []byte) bool {
			w.Write(file[:10])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return true
		},
	} {
		bad := newTestServer(t, files, handle)
		d := testDownloader(bad)
		if name == "stall" {
			d.stall, d.tries = 50*time.Millisecond, 1
		}
		folder, err := fetchOne(t, testSet(files, bad.URL+"/", good.URL+"/"), d, nil)
		if err != nil || !onlyFirst(folder, files) {
			t.Errorf("%s: folder has %d files, %v", name, len(folder), err)
		}
		if bad.requested() == nil || good.requested() == nil {
			t.Errorf("%s: a mirror was not asked", name)
		}
	}
}

func TestWrongDigestIsNamed(t *testing.T) {
	files := testFiles(t)
	server := newTestServer(t, files, nil)
	set := testSet(files, server.URL+"/")
	set.files[0].sha256 = strings.Repeat("0", 64)
	folder, err := fetchOne(t, set, testDownloader(server), nil)
	if err == nil || !strings.Contains(err.Error(), "SHA-256") || !strings.Contains(err.Error(), server.URL) {
		t.Errorf("error is %v", err)
	}
	if len(folder[firstFile]) != 0 || len(folder[firstFile+".part"]) != 0 {
		t.Errorf("bytes with a wrong digest were kept")
	}
	if n := len(server.requested()); n != 1 {
		t.Errorf("%d requests, expected 1", n)
	}
}

func TestNoNetworkNamesTheRemedy(t *testing.T) {
	files := testFiles(t)
	server := newTestServer(t, files, nil)
	server.Close()
	set := testSet(files, server.URL+"/a/", server.URL+"/b/")
	cache := useCache(t)
	for _, offline := range []bool{false, true} {
		_, err := set.load(context.Background(), Options{Offline: offline}, testDownloader(server))
		if err == nil {
			t.Fatal("no error")
		}
		wants := []string{cache, dirVariable, "train-labels-idx1-ubyte.gz"}
		if !offline {
			wants = append(wants, server.URL+"/a/"+firstFile, server.URL+"/b/"+firstFile)
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("offline %v: error does not name %s: %v", offline, want, err)
			}
		}
	}
}

// What has arrived when the context ends is kept for the next time.
func TestDownloadStopsWithItsContext(t *testing.T) {
	files := testFiles(t)
	ctx, cancel := context.WithCancel(context.Background())
	server := newTestServer(t, files, func(w http.ResponseWriter, r *http.Request, file []byte) bool {
		w.Header().Set("Content-Length", strconv.Itoa(len(file)))
		w.Write(file[:50])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	})
	set := testSet(files, server.URL+"/")
	cache := useCache(t)
	o := Options{Progress: func(what string, n, total int64) {
		if n == 50 {
			cancel()
		}
	}}
	if _, err := set.load(ctx, o, testDownloader(server)); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, expected %v", err, context.Canceled)
	}
	if b, err := os.ReadFile(filepath.Join(cache, firstFile+".part")); err != nil || string(b) != string(files[firstFile][:50]) {
		t.Errorf(".part has %d bytes, %v, expected 50", len(b), err)
	}
	if n := len(server.requested()); n != 1 {
		t.Errorf("%d requests, expected 1", n)
	}
}

func TestFilesAreFoundInTheirFolders(t *testing.T) {
	files := testFiles(t)
	plain := make(map[string][]byte)
	for name, b := range files {
		plain[name] = b
	}
	// One file without .gz; its content is still compressed.
	plain["t10k-labels-idx1-ubyte"] = plain["t10k-labels-idx1-ubyte.gz"]
	delete(plain, "t10k-labels-idx1-ubyte.gz")
	set := testSet(files)
	d := defaultDownloader() // not used: the set has no mirrors

	direct, nested, partly := t.TempDir(), t.TempDir(), t.TempDir()
	writeFiles(t, direct, plain)
	writeFiles(t, filepath.Join(nested, "tiny"), files)
	writeFiles(t, partly, map[string][]byte{firstFile: files[firstFile]})
	empty := t.TempDir()
	for _, dir := range []string{direct, nested} {
		useCache(t)
		if _, err := set.load(context.Background(), Options{Dir: dir}, d); err != nil {
			t.Error(err)
		}
		t.Setenv(dirVariable, dir)
		if _, err := set.load(context.Background(), Options{}, d); err != nil {
			t.Error(err)
		}
		// Dir comes before the variable, and nothing after it.
		if _, err := set.load(context.Background(), Options{Dir: empty}, d); err == nil || !strings.Contains(err.Error(), empty) {
			t.Errorf("an empty Dir: %v", err)
		}
	}
	// A folder for another set is passed over, one with some files is not.
	cache := useCache(t)
	writeFiles(t, cache, files)
	t.Setenv(dirVariable, empty)
	if _, err := set.load(context.Background(), Options{}, d); err != nil {
		t.Error(err)
	}
	t.Setenv(dirVariable, partly)
	if _, err := set.load(context.Background(), Options{}, d); err == nil ||
		!strings.Contains(err.Error(), partly) || !strings.Contains(err.Error(), "t10k-labels-idx1-ubyte") || strings.Contains(err.Error(), "train-images") {
		t.Errorf("a folder with one file: %v", err)
	}
}

func TestFilesOfAnotherSetAreRefused(t *testing.T) {
	files := testFiles(t)
	labels := make([]uint8, 20)
	copy(labels, findIDXSet("mnist").firstLabels)
	files["t10k-labels-idx1-ubyte.gz"] = idx(labels, 20)
	dir := t.TempDir()
	writeFiles(t, dir, files)
	if _, err := Load(context.Background(), "fashion-mnist", Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "files of mnist") {
		t.Errorf("error is %v", err)
	}
	if _, err := Load(context.Background(), "mnist", Options{Dir: dir}); err != nil {
		t.Error(err)
	}
}

func TestTrainingAndTestImagesHaveOneSize(t *testing.T) {
	files := testFiles(t)
	files["t10k-images-idx3-ubyte.gz"] = idx(make([]uint8, 20*6), 20, 3, 2)
	dir := t.TempDir()
	writeFiles(t, dir, files)
	_, err := testSet(files).load(context.Background(), Options{Dir: dir}, defaultDownloader())
	if err == nil || !strings.Contains(err.Error(), "2x3x1") || !strings.Contains(err.Error(), "3x2x1") {
		t.Errorf("error is %v", err)
	}
}

func TestNoCacheNamesTheRemedy(t *testing.T) {
	useCache(t)
	for _, variable := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData", "home"} {
		t.Setenv(variable, "")
	}
	if _, err := Load(context.Background(), "mnist", Options{Offline: true}); err == nil || !strings.Contains(err.Error(), dirVariable) {
		t.Errorf("error is %v", err)
	}
}

// A failure of this machine is not tried again on another mirror.
func TestDownloadNeedsAFolder(t *testing.T) {
	files := testFiles(t)
	server := newTestServer(t, files, nil)
	set := testSet(files, server.URL+"/", server.URL+"/")
	path := filepath.Join(t.TempDir(), firstFile)
	if err := os.Mkdir(path+".part", 0o755); err != nil {
		t.Fatal(err)
	}
	err := testDownloader(server).fetch(context.Background(), path, set.files[0], set.mirrors, nil)
	if err == nil || !strings.Contains(err.Error(), path) || server.requested() != nil {
		t.Errorf("error is %v", err)
	}
}

func TestLoadRefusesWhatIsNotASet(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"cifar", Options{}, `"cifar", expected one of digits, mnist, fashion-mnist`},
		{"digits", Options{Train: -1}, "-1"},
		{"mnist", Options{Test: -2}, "-2"},
	} {
		if _, err := Load(context.Background(), c.name, c.o); err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "data: ") != 1 {
			t.Errorf("%s %+v: error is %v, expected one with %s", c.name, c.o, err, c.want)
		}
	}
}

func TestMNISTIsWhatItShouldBe(t *testing.T) {
	if os.Getenv(dirVariable) == "" {
		t.Skipf("set %s to a folder with the files of MNIST to run this", dirVariable)
	}
	set, err := Load(context.Background(), "mnist", Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	train, test := set.Images()
	if train.Len() != 60000 || test.Len() != 10000 || train.Height != 28 || train.Width != 28 || train.Channels != 1 {
		t.Errorf("%d and %d images of %dx%dx%d", train.Len(), test.Len(), train.Height, train.Width, train.Channels)
	}
	if got := fmt.Sprintf("%.4f %.4f", train.Mean, train.Std); got != "0.1307 0.3081" {
		t.Errorf("mean and standard deviation are %s, expected 0.1307 0.3081", got)
	}
	if !slices.Equal(test.Labels[:10], findIDXSet("mnist").firstLabels) {
		t.Errorf("first test labels are %v", test.Labels[:10])
	}
	// The digests are of the uncompressed files.
	for name, c := range map[string]struct {
		data   []uint8
		header []byte
		want   string
	}{
		"training images": {train.Pixels, idx(nil, 60000, 28, 28), "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
		"training labels": {train.Labels, idx(nil, 60000), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
		"test images":     {test.Pixels, idx(nil, 10000, 28, 28), "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
		"test labels":     {test.Labels, idx(nil, 10000), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
	} {
		sum := sha256.Sum256(append(c.header, c.data...))
		if got := hex.EncodeToString(sum[:]); got != c.want {
			t.Errorf("SHA-256 of the %s is %s, expected %s", name, got, c.want)
		}
	}
}
