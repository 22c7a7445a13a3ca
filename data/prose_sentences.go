package data

import "strconv"

// sentences are the kinds of sentences between the first one of a paragraph and its
// ending, in the order of the weights in paragraph.
var sentences = []func(*prose){
	(*prose).deed, (*prose).speech, (*prose).question, (*prose).remark, (*prose).counting,
	(*prose).payment, (*prose).inventory, (*prose).dated, (*prose).truth, (*prose).sky,
}

// opening names the hero, what he or she is, and where.
func (p *prose) opening() {
	switch p.one(4, 3, 3) {
	case 0:
		p.hero = p.name("")
		p.write(p.hero.name, " was ")
		p.chooseRole("a ", "")
		p.write(" in ")
		p.chooseVillage()
	case 1:
		p.write("in ")
		p.chooseVillage()
		p.write(" there lived ")
		p.chooseRole("a ", " whose name was ")
		p.hero = p.name("")
		p.write(p.hero.name)
	case 2:
		p.write("there were once two ")
		p.chooseRole("", "s in ")
		p.chooseVillage()
		p.write(", ")
		p.hero = p.name("")
		p.write(p.hero.name, " and ")
		p.friend = p.name(p.hero.name)
		p.write(p.friend.name)
	}
	p.last = &p.hero
	if p.friend.name != "" {
		p.last = nil // she or he could be either
	}
	p.write(".")
}

func (p *prose) chooseRole(before, after string) {
	p.write(before)
	p.role = p.zipf(len(roles))
	p.write(roles[p.role].name, after)
}

func (p *prose) chooseVillage() {
	p.village = p.entry(villages)
	p.write(p.village)
}

// name draws the name of a woman or a man, but not the one that is taken.
func (p *prose) name(taken string) person {
	p.weights = p.weights[:0]
	for i := range len(women) + len(men) {
		w := zipf(i / 2)
		if personOf(i).name == taken {
			w = 0
		}
		p.weights = append(p.weights, w)
	}
	return personOf(p.choose(p.weights))
}

// personOf returns women and men in turn.
func personOf(i int) person {
	if i%2 == 0 {
		return person{women[i/2], true}
	}
	return person{men[i/2], false}
}

// someone writes who does something: the hero, the friend or the one that was
// meant last. A friend who is new is somebody of the one who was.
func (p *prose) someone() *person {
	known, pronoun, lone := 3, 0, 2
	if p.last != nil {
		pronoun = 6
	}
	if p.friend.name == "" {
		known = 1
	} else if p.last == nil {
		lone = 0 // there are two of that trade
	}
	switch p.one(4, lone, pronoun, known) {
	case 0:
		p.last = &p.hero
		p.write(p.hero.name)
	case 1:
		p.last = &p.hero
		p.write("the ", roles[p.role].name)
	case 2:
		p.write(p.last.they())
	case 3:
		if p.friend.name == "" {
			p.friend = p.name(p.hero.name)
			p.write(p.friend.name, ", ", p.hero.their(), " ")
			r := relations[p.zipf(len(relations))]
			p.write(p.friend.pick(r.one, r.many))
			p.aside = true
		} else {
			p.write(p.friend.name)
		}
		p.last = &p.friend
	}
	return p.last
}

// chooseThing draws a thing, most likely one of the hero's trade or the one that
// was named last.
func (p *prose) chooseThing() noun {
	p.weights = p.weights[:0]
	for i := range things {
		w := zipf(i)
		if roleThings[p.role][i] {
			w += 500
		}
		if i == p.thing {
			w += 1200
		}
		p.weights = append(p.weights, w)
	}
	p.thing = p.choose(p.weights)
	return things[p.thing]
}

// described writes an adjective or none, then what follows is one or many of a
// thing.
func (p *prose) described(many bool) {
	p.adjective()
	n := p.chooseThing()
	if many {
		p.write(n.many)
	} else {
		p.write(n.one)
	}
}

func (p *prose) adjective() {
	if i := p.perhaps(len(adjectives), 3500); i >= 0 {
		p.write(adjectives[i], " ")
	}
}

// perhaps returns an index below n, or -1 with the weight none.
func (p *prose) perhaps(n, none int) int {
	p.weights = append(p.weights[:0], none)
	for i := range n {
		p.weights = append(p.weights, zipf(i))
	}
	return p.choose(p.weights) - 1
}

// a writes the article that suits the thing or its adjective.
func (p *prose) a() {
	p.write("a")
	adjective := p.perhaps(len(adjectives), 3500)
	if adjective >= 0 {
		p.write(an(adjectives[adjective]), adjectives[adjective], " ")
		p.write(p.chooseThing().one)
		return
	}
	n := p.chooseThing().one
	p.write(an(n), n)
}

// an ends the article before a word.
func an(word string) string {
	switch word[0] {
	case 'a', 'e', 'i', 'o', 'u':
		return "n "
	}
	return " "
}

// object writes what somebody has or does something to, and tells whether it is
// many.
func (p *prose) object(of *person) (many bool) {
	others := 0
	if p.friend.name != "" {
		others = 2
	}
	switch p.one(7, 4, 2, 3, 2, others) {
	case 0:
		p.write("the ")
	case 1:
		p.a()
		return false
	case 2:
		p.write("the ")
		p.adjective()
		p.write(p.chooseThing().many)
		return true
	case 3:
		p.write(numbers[2+p.zipf(8)], " ")
		p.described(true)
		return true
	case 4:
		p.write(of.their(), " ")
	case 5:
		owner := &p.hero
		if of == owner {
			owner = &p.friend
		}
		p.write(owner.name, "'s ")
	}
	p.described(false)
	return false
}

// deed writes what somebody did, and perhaps more of it.
func (p *prose) deed() {
	who := p.someone()
	p.predicate(who)
	switch p.one(8, 4, 2, 3, 2, 2) {
	case 1:
		p.write(", and ", who.they())
		p.predicate(who)
	case 2:
		p.write(", but ", who.they())
		p.predicate(who)
	case 3:
		p.write(" because ")
		p.state("was", "were")
	case 4:
		p.write("; ")
		p.predicate(p.someone())
	case 5:
		p.write(" (")
		p.state("was", "were")
		p.write(")")
	}
	p.write(".")
}

// predicate writes what somebody did, after the name.
func (p *prose) predicate(who *person) {
	p.write(" ")
	gift := 0
	if p.friend.name != "" {
		gift = 2
	}
	switch p.one(8, 3, 3, 2, gift) {
	case 0:
		if i := p.perhaps(len(adverbs), 5000); i >= 0 {
			p.write(adverbs[i], " ")
		}
		p.write(takes[p.zipf(len(takes))].past, " ")
		p.object(who)
		p.place(5)
	case 1:
		p.write(does[p.zipf(len(does))].past)
		p.place(2)
	case 2:
		p.write("went ", p.entry(goals))
	case 3:
		p.write("was ", p.entry(moods))
	case 4:
		other := p.friend.name
		if who == &p.friend {
			other = p.hero.name
		}
		p.write("gave ", other, " ")
		p.object(who)
	}
	if i := p.perhaps(len(times), 4000); i >= 0 {
		p.write(" ", times[i])
	}
}

// place writes where, or not; the more often the less none is. The village is one
// of the places.
func (p *prose) place(none int) {
	p.weights = append(p.weights[:0], none*700, 200)
	for i := range places {
		p.weights = append(p.weights, zipf(i))
	}
	switch i := p.choose(p.weights); i {
	case 0:
	case 1:
		p.write(" in ", p.village)
	default:
		p.write(" ", places[i-2])
	}
}

// state writes how one or many of a thing are; the verb agrees.
func (p *prose) state(is, are string) {
	p.write("the ")
	p.adjective()
	n := p.chooseThing()
	if p.one(3, 1) == 1 {
		p.write(n.many, " ", are)
	} else {
		p.write(n.one, " ", is)
	}
	p.write(" ", p.entry(states))
}

// speech writes what somebody says, then who.
func (p *prose) speech() {
	p.write(`"`)
	p.saying()
	switch p.one(6, 2, 3, 2) {
	case 0:
		p.write(`," said `)
		p.someone()
	case 1:
		p.write(`!" cried `)
		p.someone()
	case 2:
		p.write(`," said `)
		p.someone()
		p.write(`, "and `)
		p.saying()
		p.write(`."`)
		return
	case 3:
		p.write(`," whispered `)
		p.someone()
	}
	p.write(".")
}

// remark writes who says something, then what.
func (p *prose) remark() {
	p.someone()
	p.write(` said, "`)
	p.capital = true
	p.saying()
	p.write(`."`)
}

// saying writes what is said.
func (p *prose) saying() {
	switch p.one(5, 5, 2, 4, 2, 2) {
	case 0:
		p.state("is", "are")
	case 1:
		p.write("I ", takes[p.zipf(len(takes))].base, " ")
		p.myThing()
	case 2:
		p.write("we must ", takes[p.zipf(len(takes))].base, " ")
		p.myThing()
	case 3:
		total := p.terms()
		p.write(" make ", numbers[total])
	case 4:
		p.write("it is ", p.entryOf("half past ", "a quarter to ", "a quarter past "), numbers[p.even(1, 12)])
	case 5:
		p.write("my ")
		n := p.chooseThing()
		if p.one(3, 1) == 1 {
			p.write(n.many, " are ", p.entry(states))
		} else {
			p.write(n.one, " is ", p.entry(states))
		}
	}
}

func (p *prose) entryOf(list ...string) string { return p.entry(list) }

func (p *prose) myThing() {
	switch p.one(3, 2, 2) {
	case 0:
		p.write("the ")
		p.described(false)
	case 1:
		p.a()
	case 2:
		p.write(numbers[2+p.zipf(8)], " ")
		p.described(true)
	}
}

// terms writes two numbers of 1 to 10 in words, and returns their sum.
func (p *prose) terms() int {
	a := p.even(1, 10)
	p.write(numbers[a], " and ")
	b := p.even(1, 10)
	p.write(numbers[b])
	return a + b
}

// question writes one, and where it has an answer, that.
func (p *prose) question() {
	p.write(`"`)
	answer := 0
	switch p.one(4, 3, 3, 3) {
	case 0:
		p.write("where ")
		if p.one(3, 1) == 1 {
			p.write("are the ")
			p.described(true)
		} else {
			p.write("is the ")
			p.described(false)
		}
	case 1:
		p.write("who ", takes[p.zipf(len(takes))].past, " ")
		p.myThing()
	case 2:
		p.write("do you ", takes[p.zipf(len(takes))].base, " ")
		p.myThing()
	case 3:
		p.write("what is ")
		answer = p.terms()
	}
	p.write(`?" asked `)
	p.someone()
	p.write(".")
	if answer > 0 {
		p.begin()
		p.write(`"`, numbers[answer], `," said `)
		p.someone()
		p.write(".")
	}
}

// counting writes of some things of which somebody takes a few, and how many are
// left.
func (p *prose) counting() {
	p.write("there were ")
	all := p.even(3, 12)
	p.write(numbers[all], " ")
	p.described(true)
	p.write(" ", p.entry(places), ". ")
	p.capital = true
	p.someone()
	p.write(" took ")
	taken := p.even(1, all-1)
	p.write(numbers[taken], ", so ")
	if all-taken == 1 {
		p.write("one was left.")
	} else {
		p.write(numbers[all-taken], " were left.")
	}
}

// payment writes two prices in digits and their sum, in one of two ways.
func (p *prose) payment() {
	who := p.someone()
	p.write(" paid ")
	a := p.even(2, 60)
	p.write(strconv.Itoa(a), " for ")
	p.object(who)
	p.write(" and ")
	b := p.even(2, 39)
	p.write(strconv.Itoa(b), " for ")
	p.object(who)
	if p.one(1, 1) == 0 {
		p.write(", ", strconv.Itoa(a+b), " in all.")
	} else {
		p.write(" (", strconv.Itoa(a), " + ", strconv.Itoa(b), " = ", strconv.Itoa(a+b), ").")
	}
}

// inventory lists as many things as it says.
func (p *prose) inventory() {
	who := p.someone()
	p.write(" had ")
	n := p.even(2, 4)
	p.write(numbers[n], " things: ")
	for i := range n {
		switch {
		case i == n-1:
			p.write(" and ")
		case i > 0:
			p.write(", ")
		}
		p.object(who)
	}
	p.write(".")
}

// dated tells when somebody did something. Days and years go on in a paragraph.
func (p *prose) dated() {
	switch p.one(4, 2, 2, 2) {
	case 0:
		p.write("on ")
		if p.day < 0 {
			p.day = p.even(0, 6)
		} else {
			p.day = (p.day + 1 + p.one(6, 2, 1)) % 7
		}
		p.write(weekdays[p.day])
	case 1:
		p.write("in ")
		if p.year == 0 {
			p.write("1")
			p.year = 1000 + 100*(7+p.one(3, 4, 3))
			p.write(strconv.Itoa(p.year / 100 % 10))
			p.year += 10 * p.even(0, 9)
			p.write(strconv.Itoa(p.year / 10 % 10))
			p.year += p.even(0, 9)
			p.write(strconv.Itoa(p.year % 10))
		} else {
			p.year += 1 + p.one(6, 3, 1)
			p.write(strconv.Itoa(p.year))
		}
	case 2:
		p.write("on ")
		m := months[p.even(0, 11)]
		p.write(m.name, " ", strconv.Itoa(p.even(1, m.days)))
	case 3:
		p.write("at ", strconv.Itoa(p.even(1, 12)), ":", p.entryOf("00", "30", "15", "45", "10", "20"))
	}
	p.write(", ")
	p.predicate(p.someone())
	p.write(".")
}

// truth writes what animals do, in the present.
func (p *prose) truth() {
	switch p.one(3, 3, 2, 2) {
	case 0:
		a := animals[p.zipf(len(animals))].one
		p.write("a", an(a), a, " ", does[p.zipf(len(does))].third)
	case 1:
		p.write(animals[p.zipf(len(animals))].many, " ", does[p.zipf(len(does))].base)
	case 2:
		p.write("no ", animals[p.zipf(len(animals))].one, " ", does[p.zipf(len(does))].third)
	case 3:
		p.write("many ", animals[p.zipf(len(animals))].many, " ", does[p.zipf(len(does))].base)
	}
	p.write(" ", p.entry(places))
	if i := p.perhaps(len(times), 2000); i >= 0 {
		p.write(" ", times[i])
	}
	p.write(".")
}

// sky writes of the weather.
func (p *prose) sky() {
	p.write(p.entry(weather))
	switch p.one(4, 2, 2) {
	case 1:
		p.write(" in ", p.village)
	case 2:
		p.write(" ", p.entry(times))
	}
	if p.one(1, 1) == 1 {
		p.write(", and ")
		p.state("was", "were")
	}
	p.write(".")
}

// ending comes back to the hero and the village.
func (p *prose) ending() {
	p.write("so ", p.hero.name, " ", p.entryOf("stayed in ", "came back to ", "left "), p.village)
	if p.friend.name != "" {
		p.write(" with ", p.friend.name)
	}
	p.write(", and nobody ", takes[p.zipf(len(takes))].past, " ")
	p.myThing()
	p.write(" again.")
	p.last = &p.hero
}
