package flowtable

// index finds a flow's place in the slab by the hash of its key: open addressing with linear probing. A slot holds
// the hash in its upper half and the place in its lower one; 0 is empty. Deletion moves later slots back, so that
// there are no tombstones. Slots hold the whole 32-bit hash, so that growing never touches a flow.
type index struct {
	slots []uint64
	used  int
}

const firstSlots = 1 << 10

func newIndex() index { return index{slots: make([]uint64, firstSlots)} }

// insert adds a place under a hash; the caller knows that the key is not there.
func (x *index) insert(hash, place uint32) {
	if x.used >= len(x.slots)/4*3 {
		x.grow()
	}
	x.put(uint64(hash)<<32 | uint64(place))
	x.used++
}

func (x *index) put(slot uint64) {
	mask := uint32(len(x.slots) - 1)
	i := uint32(slot>>32) & mask
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = slot
}

func (x *index) grow() {
	old := x.slots
	x.slots = make([]uint64, 2*len(old))
	for _, s := range old {
		if s != 0 {
			x.put(s)
		}
	}
}

// remove takes out the slot of the place, which must be there under the hash.
func (x *index) remove(hash, place uint32) {
	mask := uint32(len(x.slots) - 1)
	i := hash & mask
	for x.slots[i] != uint64(hash)<<32|uint64(place) {
		if x.slots[i] == 0 {
			panic("bug: flow is not in the index")
		}
		i = (i + 1) & mask
	}
	for j := i; ; {
		j = (j + 1) & mask
		s := x.slots[j]
		if s == 0 {
			break
		}
		if home := uint32(s>>32) & mask; (j-home)&mask >= (j-i)&mask {
			x.slots[i] = s
			i = j
		}
	}
	x.slots[i] = 0
	x.used--
}
