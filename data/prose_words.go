package data

import "strings"

// The words of prose. Earlier entries of a list come more often: see zipf.

// A noun in both numbers.
type noun struct{ one, many string }

func nouns(list string) []noun {
	var all []noun
	for _, word := range strings.Fields(list) {
		one, many, irregular := strings.Cut(word, "/")
		if !irregular {
			many = one + "s"
		}
		all = append(all, noun{one, many})
	}
	return all
}

// things are what the stories are about; roles name those that are theirs.
var things = nouns(`lamp book key basket candle apple letter loaf/loaves boat rope coin bottle
	box/boxes hammer clock knife/knives rose net cup sack nail picture cake wheel bell egg
	map stone brush/brushes ladder plum chair coat ring spade sail pencil kettle orange
	blanket umbrella needle button violin ink-pot jar axe quilt`)

var animals = nouns(`fox/foxes hen cat dog owl goose/geese horse mouse/mice cow sheep/sheep
	crow bear hare wolf/wolves eagle frog otter`)

// A role is what somebody is.
type role struct {
	name   string
	things string // those that are theirs
}

var roles = []role{
	{"baker", "loaf cake egg basket"},
	{"sailor", "boat rope sail map"},
	{"smith", "hammer nail knife bell"},
	{"teacher", "book pencil letter map"},
	{"gardener", "rose spade plum ladder"},
	{"painter", "brush picture ladder"},
	{"clockmaker", "clock key wheel"},
	{"fisher", "net boat rope bottle"},
	{"miller", "sack wheel loaf"},
	{"tailor", "coat needle button"},
	{"doctor", "bottle jar lamp"},
	{"fiddler", "violin ring cup"},
}

// roleThings tells, for each role, which things are theirs.
var roleThings = func() [][]bool {
	all := make([][]bool, len(roles))
	for i, r := range roles {
		all[i] = make([]bool, len(things))
		for j, t := range things {
			for _, name := range strings.Fields(r.things) {
				all[i][j] = all[i][j] || name == t.one
			}
		}
	}
	return all
}()

// women and men are the first names; their pronouns agree.
var (
	women = strings.Fields(`Anna Mira Clara Nora Edith Lucy Ida Helen Olive Julia Kate Rosa Vera Wanda Beth Zoe`)
	men   = strings.Fields(`Tom Otto Hugo Felix Simon Leo Paul Victor Jonas Emil Adam Karl Ned Yuri Quentin Gregor`)
)

var villages = strings.Fields(`Harrow Elmford Millbrook Stonebridge Oakley Northwick Ravensdale Fernhill Winterburn Ashby Lowmoor Underhill`)

var adjectives = strings.Fields(`old small new heavy broken white red green long empty clean round
	wooden cheap black blue warm yellow narrow strange ugly plain thin dusty iron odd silver`)

// states are what a thing or an animal is said to be.
var states = strings.Fields(`gone ready wet cold lost dry safe here dirty hidden dear frozen finished`)

var moods = strings.Fields(`tired glad hungry late alone sad angry silent ill busy afraid proud`)

var adverbs = strings.Fields(`quickly quietly soon slowly gladly often never carefully secretly hardly`)

// A verb in the past, after he or she, and after I or you.
type verb struct{ past, third, base string }

func verbs(list string) []verb {
	var all []verb
	for _, word := range strings.Fields(list) {
		f := strings.Split(word, "/")
		all = append(all, verb{f[0], f[1], f[2]})
	}
	return all
}

// takes have an object, does have none.
var (
	takes = verbs(`found/finds/find bought/buys/buy took/takes/take carried/carries/carry sold/sells/sell
		lost/loses/lose mended/mends/mend brought/brings/bring kept/keeps/keep wanted/wants/want hid/hides/hide
		washed/washes/wash broke/breaks/break needed/needs/need painted/paints/paint dropped/drops/drop
		borrowed/borrows/borrow counted/counts/count cleaned/cleans/clean admired/admires/admire`)
	does = verbs(`slept/sleeps/sleep waited/waits/wait worked/works/work sang/sings/sing sat/sits/sit
		laughed/laughs/laugh rested/rests/rest stayed/stays/stay lived/lives/live danced/dances/dance`)
)

var places = split(`in the house|by the river|in the garden|on the table|at the market|under the bridge|
	in the kitchen|near the church|behind the barn|on the roof|at the mill|in the forest|beside the well|
	under the tree|on the hill|in the cellar|at the harbour|along the road|between two walls|above the door`)

var goals = split(`home|to the market|to the river|to the church|across the field|into the forest|up the hill|
	to the harbour|over the bridge|through the gate|back to work|away`)

var times = split(`in the morning|at noon|in the evening|after supper|at night|before dawn|all day|for an hour|
	in the rain|without a word`)

var relations = []noun{ // of a woman and of a man
	{"sister", "brother"}, {"mother", "father"}, {"daughter", "son"}, {"aunt", "uncle"}, {"niece", "nephew"},
}

var numbers = strings.Fields(`none one two three four five six seven eight nine ten eleven twelve thirteen fourteen
	fifteen sixteen seventeen eighteen nineteen twenty`)

var weekdays = strings.Fields(`Monday Tuesday Wednesday Thursday Friday Saturday Sunday`)

// A month has as many days in every year here.
var months = []struct {
	name string
	days int
}{
	{"January", 31}, {"February", 28}, {"March", 31}, {"April", 30}, {"May", 31}, {"June", 30},
	{"July", 31}, {"August", 31}, {"September", 30}, {"October", 31}, {"November", 30}, {"December", 31},
}

var weather = split(`it rained|it snowed|the wind blew|the sun shone|fog lay over the fields|it thundered`)

func split(list string) []string {
	all := strings.Split(list, "|")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

// zipf is the weight of the i-th entry of a list: entries become rarer about as
// words do.
func zipf(i int) int { return 1200 / (i + 5) }
