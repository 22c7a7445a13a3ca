package experiment

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

// The names of the tasks. Settings that name none have the first.
const (
	ImagesTask    = "images"
	SeqDigitsTask = "seq-digits"
	CharsTask     = "chars"
)

// Tasks lists what networks can be trained to do.
var Tasks = []Task{
	{ImagesTask, "tell the classes of images"},
	{SeqDigitsTask, "tell the classes of images that are read row by row"},
	{CharsTask, "predict each next character of a text"},
}

// A Task is what a network is trained to do.
type Task struct {
	Name  string
	Short string // for people
}

// TaskNames returns the names of the tasks.
func TaskNames() []string {
	var names []string
	for _, t := range Tasks {
		names = append(names, t.Name)
	}
	return names
}

// ParseTask returns the task of a name; no name means the first one.
func ParseTask(name string) (Task, error) {
	if name == "" {
		return Tasks[0], nil
	}
	i := slices.IndexFunc(Tasks, func(t Task) bool { return t.Name == name })
	if i < 0 {
		return Task{}, fmt.Errorf("experiment: unknown task %q; known: %s", name, strings.Join(TaskNames(), ", "))
	}
	return Tasks[i], nil
}

// Text tells that the samples are windows of a text, whose every next character is
// predicted: losses are told as bits per character.
func (t Task) Text() bool { return t.Name == CharsTask }

// CheckInput makes sure that a network whose input has this shape suits the task,
// before any samples are there.
func (t Task) CheckInput(input nn.Shape) error {
	switch {
	case t.Name == SeqDigitsTask && len(input) != 2:
		return fmt.Errorf("the network takes %v, but the task %s gives it an image row by row, such as [28 28]; whole images are the task %s",
			[]int(input), t.Name, ImagesTask)
	case t.Name == ImagesTask && len(input) == 2:
		return fmt.Errorf("the network takes %v, a sequence, but the task %s gives it whole images; images row by row are the task %s",
			[]int(input), t.Name, SeqDigitsTask)
	case t.Text() && len(input) != 1:
		return fmt.Errorf("the network takes %v, but the task %s gives it windows of characters, such as [64]", []int(input), t.Name)
	}
	return nil
}

// Fits makes sure that a network whose input has this shape suits the task and
// takes its samples.
func (t Task) Fits(input nn.Shape, s data.Samples) error {
	if err := t.CheckInput(input); err != nil {
		return err
	}
	if _, text := s.(*data.Windows); text != t.Text() {
		kind := "a text"
		if !text {
			kind = "no text"
		}
		return fmt.Errorf("the data are %s, which does not suit the task %s", kind, t.Name)
	}
	return Fits(input, s)
}

// BitsPerChar is what a cross-entropy, in nats, is in bits.
func BitsPerChar(loss float64) float64 { return loss / math.Ln2 }

// Perplexity is the number of characters, all equally likely, among which choosing
// has this cross-entropy, in nats.
func Perplexity(loss float64) float64 { return math.Exp(loss) }

// OnText tells whether the samples are windows of a text.
func (s *Settings) OnText() bool { return s.Task == CharsTask }

// Samples names the samples, such as "images" or "windows of 64 characters".
func (s *Settings) Samples() string {
	if s.OnText() {
		return fmt.Sprintf("windows of %d characters", s.Window)
	}
	return "images"
}
