package trend

const (
	hourSteps   = 360 // steps of an hour
	weekHours   = 168
	seasonWeeks = 4              // weeks from which on a new one counts a quarter
	longSilence = 32 * weekHours // hours of nothing after which what was before is a ten-thousandth
	leastWeeks  = 2              // hours of a kind before their mean says what is usual
)

// season is what is usual for a quantity at each hour of the week, in UTC: the means of its steps. The zero value is empty.
type season struct {
	present bool // steps in which there is nothing have no value, instead of 0
	begun   bool
	whole   bool  // the hour at hand was seen from its beginning
	hour    int64 // since the epoch, that is being added up
	steps   int32 // of it that had a value
	sum     float64
	means   [weekHours]float32
	weeks   [weekHours]uint8 // hours behind each of them, seasonWeeks at most
}

// add takes the value of a step. Steps come in their order, those without a value may be left out.
func (s *season) add(step int64, x float64) {
	hour := hourOf(step)
	switch {
	case !s.begun:
		s.begun, s.hour, s.whole = true, hour, step == hour*hourSteps
	case hour > s.hour:
		s.closeHour()
		for s.hour = max(s.hour+1, hour-longSilence); s.hour < hour; s.hour++ {
			s.closeHour()
		}
	}
	s.sum += x
	s.steps++
}

// closeHour takes the mean of the hour at hand into what is usual at it.
func (s *season) closeHour() {
	mean := s.sum / hourSteps
	if s.present {
		mean = s.sum / float64(s.steps)
	}
	if s.whole && (s.steps > 0 || !s.present) {
		i := hourOfWeek(s.hour)
		s.weeks[i] = min(s.weeks[i]+1, seasonWeeks)
		s.means[i] += (float32(mean) - s.means[i]) / float32(s.weeks[i])
	}
	s.whole, s.sum, s.steps = true, 0, 0
}

// usual returns what is usual in the hour of a step; ok is false until it was seen in two weeks.
func (s *season) usual(step int64) (mean float64, ok bool) {
	i := hourOfWeek(hourOf(step))
	return float64(s.means[i]), s.weeks[i] >= leastWeeks
}

// hourOf returns the hour of a step, since the epoch.
func hourOf(step int64) int64 { return (step - modulo(step, hourSteps)) / hourSteps }

// hourOfWeek returns the hour's place in the week, from Thursday 0:00 on, as the epoch has it.
func hourOfWeek(hour int64) int { return int(modulo(hour, weekHours)) }

// modulo returns the remainder that is not negative.
func modulo(n, of int64) int64 { return (n%of + of) % of }
