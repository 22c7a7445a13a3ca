package data

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// dirVariable names the environment variable that names a folder of IDX files.
const dirVariable = "ISRLU_DATA_DIR"

// An idxSet is a set that consists of four IDX files. All such sets have the
// same file names.
type idxSet struct {
	name    string
	classes []string
	files   [4]remoteFile // in the order of the constants below
	mirrors []string      // addresses that the name of a file is appended to
	// firstLabels are those of the first test images, which tell sets apart
	// where the names do not.
	firstLabels []uint8
}

const (
	trainImages = iota
	trainLabels
	testImages
	testLabels
)

// A remoteFile is a file to download.
type remoteFile struct {
	name   string
	size   int64
	sha256 string
}

var idxSets = []*idxSet{
	{
		name:    "mnist",
		classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
		files: [4]remoteFile{
			{"train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
			{"train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
			{"t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
			{"t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
		},
		mirrors: []string{
			"https://ossci-datasets.s3.amazonaws.com/mnist/",
			"https://storage.googleapis.com/cvdf-datasets/mnist/",
		},
		firstLabels: []uint8{7, 2, 1, 0, 4, 1, 4, 9, 5, 9},
	},
	{
		name: "fashion-mnist",
		classes: []string{
			"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
			"Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
		},
		files: [4]remoteFile{
			{"train-images-idx3-ubyte.gz", 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
			{"train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
			{"t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
			{"t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
		},
		mirrors: []string{
			"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
			// No HTTPS there; the SHA-256 stands for the content.
			"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
		},
		firstLabels: []uint8{9, 2, 1, 1, 6, 1, 4, 6, 5, 7},
	},
}

// findIDXSet returns the set of a name, or nil.
func findIDXSet(name string) *idxSet {
	i := slices.IndexFunc(idxSets, func(s *idxSet) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	return idxSets[i]
}

// load finds the files of the set, downloads what is missing and reads them.
func (s *idxSet) load(ctx context.Context, o Options, d *downloader) (*Set, error) {
	paths, cached, err := s.locate(ctx, o, d)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	train, err := readImages(paths[trainImages], paths[trainLabels], len(s.classes))
	var test *Images
	if err == nil {
		test, err = readImages(paths[testImages], paths[testLabels], len(s.classes))
	}
	if err != nil && cached {
		return nil, fmt.Errorf("%w: remove the file, and it is downloaded again", err)
	}
	if err != nil {
		return nil, err
	}
	if train.Height != test.Height || train.Width != test.Width || train.Channels != test.Channels {
		return nil, fmt.Errorf("%s has images of %dx%dx%d, but %s of %dx%dx%d",
			paths[trainImages], train.Height, train.Width, train.Channels,
			paths[testImages], test.Height, test.Width, test.Channels)
	}
	for _, other := range idxSets {
		if n := len(other.firstLabels); other != s && test.Len() >= n && slices.Equal(test.Labels[:n], other.firstLabels) {
			return nil, fmt.Errorf("%s holds the files of %s: name the folder of %s, or one with a subfolder of that name",
				filepath.Dir(paths[testLabels]), other.name, s.name)
		}
	}
	if o.Train > 0 {
		train = train.Slice(0, min(o.Train, train.Len()))
	}
	if o.Test > 0 {
		test = test.Slice(0, min(o.Test, test.Len()))
	}
	return &Set{Name: s.name, Classes: slices.Clone(s.classes), Train: train, Test: test}, nil
}

// locate returns the paths of the four files, and whether they are in the
// user's cache.
func (s *idxSet) locate(ctx context.Context, o Options, d *downloader) (paths [4]string, cached bool, err error) {
	if o.Dir != "" {
		paths, missing := s.lookUp(o.Dir)
		if len(missing) > 0 {
			return paths, false, fmt.Errorf("neither %s nor its subfolder %s has all files: no %s, also not with .gz",
				o.Dir, s.name, strings.Join(missing, ", "))
		}
		return paths, false, nil
	}
	if dir := os.Getenv(dirVariable); dir != "" {
		// The folder may be for another set: it is passed over if it has
		// none of the files, and wrong if it has some.
		paths, missing := s.lookUp(dir)
		if len(missing) == 0 {
			return paths, false, nil
		}
		if len(missing) < len(paths) {
			return paths, false, fmt.Errorf("%s, which %s names, has no %s, also not with .gz",
				dir, dirVariable, strings.Join(missing, ", "))
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return paths, false, fmt.Errorf("no folder to keep the files in: %w: set %s to one that has them", err, dirVariable)
	}
	dir := filepath.Join(cache, "isrlu", s.name)
	paths, missing := s.lookUpIn(dir)
	if len(missing) > 0 && o.Offline {
		return paths, true, fmt.Errorf("%s has no %s, and downloading is off: %s",
			dir, strings.Join(missing, ", "), s.remedy(dir))
	}
	for i, f := range s.files {
		if paths[i] != "" {
			continue
		}
		paths[i] = filepath.Join(dir, f.name)
		if err := d.fetch(ctx, paths[i], f, s.mirrors, o.Progress); err != nil {
			if ctx.Err() == nil {
				err = fmt.Errorf("%w\n%s", err, s.remedy(dir))
			}
			return paths, true, err
		}
	}
	return paths, true, nil
}

// remedy says how to provide the files by hand.
func (s *idxSet) remedy(dir string) string {
	names := make([]string, len(s.files))
	for i, f := range s.files {
		names[i] = f.name
	}
	return fmt.Sprintf("put %s into %s, or set %s to a folder that has them",
		strings.Join(names, ", "), dir, dirVariable)
}

// lookUp searches the subfolder of the set's name, then the folder itself. It
// returns the first that has all four files, and else the files that are
// missing in the one that has more.
func (s *idxSet) lookUp(dir string) (paths [4]string, missing []string) {
	paths, missing = s.lookUpIn(filepath.Join(dir, s.name))
	if len(missing) > 0 {
		if p, m := s.lookUpIn(dir); len(m) < len(missing) {
			return p, m
		}
	}
	return paths, missing
}

// lookUpIn returns the paths of the files that a folder has, plain or
// compressed, and the plain names of those that it lacks.
func (s *idxSet) lookUpIn(dir string) (paths [4]string, missing []string) {
	for i, f := range s.files {
		plain := strings.TrimSuffix(f.name, ".gz")
		for _, name := range []string{plain, f.name} {
			path := filepath.Join(dir, name)
			// A file that cannot be looked at is taken, so that reading it
			// gives the reason.
			if info, err := os.Stat(path); err == nil && !info.IsDir() || err != nil && !errors.Is(err, fs.ErrNotExist) {
				paths[i] = path
				break
			}
		}
		if paths[i] == "" {
			missing = append(missing, plain)
		}
	}
	return paths, missing
}
