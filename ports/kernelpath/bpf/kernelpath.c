// The programs of package kernelpath; doc.go says how they work together. Built by
// "make kernelpath" with clang; the object is embedded, and its test holds that it was
// made from this file.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

static u64 (*const bpf_ktime_get_coarse_ns)(void) = (void *)BPF_FUNC_ktime_get_coarse_ns;
static u32 (*const bpf_get_smp_processor_id)(void) = (void *)BPF_FUNC_get_smp_processor_id;
static long (*const bpf_skb_load_bytes)(const void *, u32, void *, u32) = (void *)BPF_FUNC_skb_load_bytes;
static long (*const bpf_redirect)(u32, u64) = (void *)BPF_FUNC_redirect;
static long (*const bpf_clone_redirect)(void *, u32, u64) = (void *)BPF_FUNC_clone_redirect;

// What follows is laid out in table_unsafe.go as well; a test compares the sizes.

enum {
	PORTS = 4096, // direct-mapped by ifindex
	CPUS = 256,
	SLOTS = 2048, // flows
	BUCKETS = 2048,
	WAYS = 8,
	MASKS = 4,
	WORDS = 8,
	MORE = 7, // further outputs of a flow
};

// States of a slot. A frame that goes to the switch although it hits the slot adds
// GENERATION, and, on a port with a ring, 1 until it lies there.
#define FLOW_ACTIVE (1ULL << 63)
#define FLOW_HELD (1ULL << 62)
#define GENERATION (1ULL << 16)
#define UNDERWAY 0xffffULL

// Of slot.more: the ifindex is a TAP's.
#define TO_HOST (1U << 31)

struct mask {
	u64 words[WORDS];
};

struct port {
	// Written by the switch alone, but for what is said.
	u32 ifindex; // 0: none
	u32 epochs;  // frames are counted in and out: see struct cpu
	u32 order;   // of the masks to look at: a byte for each, its number + 1
	u32 swallowed; // set by ofs_filter: a program in front of ofs_ingress keeps frames
	u64 pad1[6];
	u64 passed; // frames that the programs let go on to the switch
	u64 pad2[7];
	u64 done;    // frames that the switch is done with
	u64 dropped; // frames that the kernel dropped behind the programs, as far as known
	u64 pad3[6];
	struct mask masks[MASKS];
};

struct slot {
	u64 key[WORDS];
	u64 state;
	u64 last; // of a port with a ring: how many frames it had when the last of the flow lay in it; 0: not known
	u32 out;  // ifindex; 0: drop
	u32 flags; // of bpf_redirect
	u32 mark;
	u32 most; // bytes of a frame without its tag, one segment of it; 0: any
	u32 marks; // of copies, but for those to TAPs
	u32 more[MORE]; // where copies go; 0: no more
	u64 packets;
	u64 bytes;
	u64 used; // ns
	u64 pad1[5];
};

struct cpu {
	u64 epoch; // odd while a frame is between the look and where it goes
	u64 scratch; // what the filter leaves to the program at ingress
	u32 armed[MASKS]; // slots that the frame hit on its way to the ring
	u64 nought; // always 0
	u64 pad[3];
};

// What is left in cpu.scratch: ifindex, and slot in the upper half, or MANY.
#define TAKEN (1ULL << 63)

struct table {
	struct port ports[PORTS];
	struct cpu cpus[CPUS];
	struct slot slots[SLOTS];
	u32 index[BUCKETS][WAYS]; // upper half of a hash, number of the slot + 1
};

_Static_assert(sizeof(struct port) == 448, "port");
_Static_assert(sizeof(struct cpu) == 64, "cpu");
_Static_assert(sizeof(struct slot) == 192, "slot");
_Static_assert(sizeof(struct table) == 4096 * 448 + 256 * 64 + 2048 * 192 + 2048 * 32, "table");

struct table ofs_table;
#define T ofs_table

#define READ(x) (*(volatile typeof(x) *)&(x))
#define WRITE(x, v) (*(volatile typeof(x) *)&(x) = (v))
#define COUNT(x, n) ((void)__sync_fetch_and_add(&(x), (n)))

#define BE16(x) __builtin_bswap16(x)
#define BE32(x) __builtin_bswap32(x)
#define BE64(x) __builtin_bswap64(x)

enum {
	CLASS_L2 = 1,
	CLASS_TCP4,
	CLASS_UDP4,
	CLASS_ICMP4,
	CLASS_TCP6,
	CLASS_UDP6,
	CLASS_ICMP6,
	CLASS_TAGGED = 0x100,

	ETHERNET = 14,
	LONGEST = ETHERNET + 40 + 20, // headers that are looked at
	MOST_SEGMENTS = 2048,         // packet.Frame.Segments
};

// frame is what is known of a frame.
struct frame {
	u64 key[WORDS];
	u32 packets; // as on the wire
	u32 longest; // bytes of the longest of them, without the tag
	u64 bytes;   // of all, with the tag
};

// What the context says of the tag beside the frame and of segmentation.
struct beside {
	u32 tagged;
	u32 tpid; // in network order
	u32 tci;
	u32 gso_size;
};

// parse fills f; 0: nothing is to be said of the frame.
INLINE int parse(struct __sk_buff *skb, const struct beside *b, struct frame *f)
{
	// The frame begins at the third byte, so that what is longer than two bytes lies
	// at a multiple of its size.
	u64 h[10] = {};
	u32 len = skb->len;
	u32 n = len < LONGEST ? len : LONGEST;
	if (n < ETHERNET)
		return 0;
	asm volatile("" : "+r"(n));
	if (n > LONGEST)
		return 0;
	if (bpf_skb_load_bytes(skb, 0, (u8 *)h + 2, n) < 0)
		return 0;
	u32 tag = 0, tci = 0, class;
	if (b->tagged) {
		if (b->tpid != BE16(0x8100))
			return 0;
		tag = 4;
		tci = (b->tci & 0xffff) | 0x1000;
	}
	u64 two = BE64(h[1]); // source address and EtherType
	u32 type = two & 0xffff;
	u32 l4 = 0, end = 0, headers = 0; // from the beginning of the frame
	u64 tos = 0, ports = 0;
	f->key[4] = f->key[5] = f->key[6] = f->key[7] = 0;
	if (type == 0x0800) {
		u64 w = BE64(h[2]);
		u64 w2 = BE64(h[3]);
		u32 total = (w >> 32) & 0xffff;
		// Version, header length; no fragment.
		if ((w >> 56) != 0x45 || (w & 0x3fff) || total < 20 || total + ETHERNET > len)
			return 0;
		end = total + ETHERNET;
		l4 = end - ETHERNET - 20;
		tos = (w >> 48) & 0xff;
		f->key[4] = w2 << 32 | (BE64(h[4]) >> 32);
		ports = BE32(*((u32 *)h + 9));
		u32 proto = (w2 >> 48) & 0xff;
		if (proto == 6) {
			u32 doff = (*((u8 *)h + 48) >> 4) * 4;
			if (l4 < 20 || doff < 20 || doff > l4)
				return 0;
			headers = ETHERNET + 20 + doff;
			class = CLASS_TCP4;
		} else if (proto == 17) {
			if (l4 < 8)
				return 0;
			headers = ETHERNET + 20 + 8;
			class = CLASS_UDP4;
		} else if (proto == 1) {
			if (l4 < 8)
				return 0;
			ports = (ports >> 24) << 16 | ((ports >> 16) & 0xff);
			class = CLASS_ICMP4;
		} else {
			return 0;
		}
	} else if (type == 0x86dd) {
		u64 w = BE64(h[2]);
		end = ETHERNET + 40 + ((w >> 16) & 0xffff);
		if ((w >> 60) != 6 || end > len)
			return 0;
		l4 = end - ETHERNET - 40;
		tos = (w >> 52) & 0xff;
		f->key[4] = BE64(h[3]);
		f->key[5] = BE64(h[4]);
		f->key[6] = BE64(h[5]);
		f->key[7] = BE64(h[6]);
		ports = BE32(*((u32 *)h + 14));
		u32 proto = (w >> 8) & 0xff;
		if (proto == 6) {
			u32 doff = (*((u8 *)h + 68) >> 4) * 4;
			if (l4 < 20 || doff < 20 || doff > l4)
				return 0;
			headers = ETHERNET + 40 + doff;
			class = CLASS_TCP6;
		} else if (proto == 17) {
			if (l4 < 8)
				return 0;
			headers = ETHERNET + 40 + 8;
			class = CLASS_UDP6;
		} else if (proto == 58) {
			if (l4 < 8)
				return 0;
			u32 icmp = ports >> 24;
			if (icmp == 135 || icmp == 136)
				return 0;
			ports = icmp << 16 | ((ports >> 16) & 0xff);
			class = CLASS_ICMP6;
		} else {
			return 0;
		}
	} else {
		switch (type) {
		case 0x0806: // ARP
		case 0x8035: // RARP
		case 0x8100: // tags
		case 0x88a8:
		case 0x8847: // MPLS
		case 0x8848:
		case 0x88e7: // PBB
			return 0;
		}
		if (type < 0x600)
			return 0;
		class = CLASS_L2;
	}
	f->packets = 1;
	f->longest = len;
	f->bytes = len + tag;
	if (b->gso_size) {
		if (!headers)
			return 0;
		u32 payload = end - headers;
		u32 segments = (payload + b->gso_size - 1) / b->gso_size;
		if (segments > MOST_SEGMENTS)
			return 0;
		if (segments < 1)
			segments = 1;
		f->packets = segments;
		f->bytes = end + tag + (u64)(segments - 1) * (headers + tag);
		f->longest = segments == 1 ? end : headers + b->gso_size;
	}
	if (tag)
		class |= CLASS_TAGGED;
	f->key[0] = (u64)class << 32 | type << 16 | tci;
	f->key[1] = BE64(h[0]) << 16;
	f->key[2] = (two & ~0xffffULL) | tos << 8;
	f->key[3] = ports << 32;
	return 1;
}

// hash of a masked key; hash in table.go is the same.
INLINE u64 hash(const u64 *k)
{
	u64 h = (k[0] + 0x9e3779b97f4a7c15ULL) * (k[1] + 0xbf58476d1ce4e5b9ULL);
	h ^= (k[2] + 0x94d049bb133111ebULL) * (k[3] + 0xd6e8feb86659fd93ULL);
	h ^= h >> 32;
	h += (k[4] + 0xc2b2ae3d27d4eb4fULL) * (k[5] + 0x165667b19e3779f9ULL);
	h ^= (k[6] + 0x27d4eb2f165667c5ULL) * (k[7] + 0x85ebca77c2b2ae63ULL);
	h ^= h >> 29;
	h *= 0xff51afd7ed558ccdULL;
	return h ^ h >> 32;
}

// find is the number of the slot of the masked key; SLOTS or more: there is none. The switch sees
// to it that no two slots of a bucket have the same tag. Without branches, for the
// verifier has to follow each.
INLINE u32 find(const u64 *key)
{
	u64 h = hash(key);
	u32 *bucket = T.index[h & (BUCKETS - 1)];
	u64 tag = (h >> 16) & 0xffff, at = 0;
#pragma unroll
	for (int i = 0; i < WAYS; i++) {
		u64 e = READ(bucket[i]);
		at |= e & (((e >> 16 ^ tag) - 1) >> 32) & 0xffff;
	}
	if (--at >= SLOTS)
		return SLOTS;
	struct slot *s = &T.slots[at];
	u64 other = 0;
#pragma unroll
	for (int w = 0; w < WORDS; w++)
		other |= READ(s->key[w]) ^ key[w];
	return other ? SLOTS : at;
}

// ARMED_AT is c->armed[i]. A process without CAP_PERFMON may not add to an address what the
// verifier knows to be one number here and another there: so it must not know.
#define ARMED_AT(c, i) ((c)->armed[(READ((c)->nought) + (i)) & (MASKS - 1)])

enum { MISS, HIT, ARMED };

enum { TCX_NEXT = -1, TCX_DROP = 2 };

// count adds the frame to what the flow has forwarded.
INLINE int count(struct port *p, struct slot *s, const struct frame *f)
{
	if (s->most && f->longest > s->most) {
		// Its frames do not all fit the device: they go to the switch, for ever.
		__sync_fetch_and_or(&s->state, FLOW_HELD);
		__sync_fetch_and_and(&s->state, ~FLOW_ACTIVE);
		return 0;
	}
	COUNT(s->packets, f->packets);
	COUNT(s->bytes, f->bytes);
	WRITE(s->used, bpf_ktime_get_coarse_ns());
	return 1;
}

// become makes the slot active if nothing of its frames can lie before the switch.
// The frame at hand has been counted as passed already, as that of the number n, from 0.
INLINE int become(struct port *p, struct slot *s, u64 n, u32 ring)
{
	u64 state = __sync_fetch_and_add(&s->state, 0); // read before what follows
	if (state & FLOW_ACTIVE)
		return 1;
	if (state & FLOW_HELD)
		return 0;
	u64 last = READ(s->last);
	u64 done = READ(p->done);
	int none = n == done + READ(p->dropped);
	if (ring && last && !(state & UNDERWAY) && done >= last)
		none = 1;
	return none && __sync_val_compare_and_swap(&s->state, state, state | FLOW_ACTIVE) == state;
}

// unsettle takes back what was noted of a frame for the first slots of c->armed, up to number last.
INLINE void unsettle(struct cpu *c, int last)
{
	for (int i = 0; i < MASKS; i++) {
		u32 slot = ARMED_AT(c, i) - 1;
		asm volatile("" : "+r"(last)); // or the bound becomes the loop's
		if (i <= last && slot < SLOTS)
			COUNT(T.slots[slot].state, -1ULL);
	}
}

// decide says what becomes of the frame, and has counted it: in slot *at - 1, or as passed.
INLINE int decide(struct __sk_buff *skb, const struct beside *b, struct port *p, struct cpu *c, u32 ring, u32 *at)
{
	struct frame f;
	u32 order = READ(p->order), some = 0, slot;
	if (!order || READ(p->swallowed) || !parse(skb, b, &f)) {
		COUNT(p->passed, 1);
		return MISS;
	}
	f.key[0] |= (u64)(READ(p->ifindex) & (PORTS - 1)) << 48;
	for (int i = 0; i < MASKS; i++)
		ARMED_AT(c, i) = 0;
	for (int i = 0; i < MASKS; i++) {
		u32 m = order & 0xff;
		order >>= 8;
		if (!m)
			break;
		struct mask *mask = &p->masks[(m - 1) & (MASKS - 1)];
		u64 key[WORDS];
#pragma unroll
		for (int w = 0; w < WORDS; w++)
			key[w] = f.key[w] & READ(mask->words[w]);
		key[3] |= m;
		slot = find(key);
		if (slot >= SLOTS)
			continue;
		if (READ(T.slots[slot].state) & FLOW_ACTIVE) {
			*at = slot + 1;
			if (count(p, &T.slots[slot], &f))
				return HIT;
			COUNT(p->passed, 1);
			return MISS;
		}
		ARMED_AT(c, i) = slot + 1;
		some = 1;
	}
	u64 n = __sync_fetch_and_add(&p->passed, 1);
	if (!some)
		return MISS;
	for (int i = 0; i < MASKS; i++) {
		slot = ARMED_AT(c, i) - 1;
		if (slot < SLOTS && become(p, &T.slots[slot], n, ring))
			goto hit;
	}
	for (int i = 0; i < MASKS; i++) {
		slot = ARMED_AT(c, i) - 1;
		if (slot >= SLOTS)
			continue;
		if (!(__sync_fetch_and_add(&T.slots[slot].state, GENERATION + ring) & FLOW_ACTIVE))
			continue;
		// Another processor was faster: the frame does not go to the ring.
		if (ring)
			unsettle(c, i);
		goto hit;
	}
	return ARMED;
hit:
	*at = slot + 1;
	if (!count(p, &T.slots[slot], &f))
		return MISS;
	COUNT(p->passed, -1ULL);
	return HIT;
}

// enter and leave are called around what a frame meets, on one processor without
// interruption.
INLINE void enter(struct cpu *c)
{
	__sync_lock_test_and_set(&c->epoch, (READ(c->epoch) + 1) | 1);
}

INLINE void leave(struct cpu *c)
{
	u64 e = READ(c->epoch);
	if (e & 1)
		__sync_lock_test_and_set(&c->epoch, e + 1);
}

// latest raises s->last. No: others were always faster, so it cannot be relied on.
INLINE int latest(struct slot *s, u64 last)
{
	for (int i = 0; i < 4; i++) {
		u64 old = READ(s->last);
		if (old >= last || __sync_val_compare_and_swap(&s->last, old, last) == old)
			return 1;
	}
	return 0;
}

// settle notes for the slots that the frame at hand has hit that it lies in the ring now.
INLINE void settle(struct port *p, struct cpu *c)
{
	u64 last = READ(p->passed) - READ(p->dropped);
	for (int i = 0; i < MASKS; i++) {
		u32 slot = ARMED_AT(c, i) - 1;
		if (slot >= SLOTS)
			continue;
		struct slot *s = &T.slots[slot];
		if ((READ(s->state) & FLOW_HELD) || latest(s, last))
			COUNT(s->state, -1ULL);
	}
}

INLINE struct cpu *processor(void)
{
	return &T.cpus[bpf_get_smp_processor_id() & (CPUS - 1)];
}

INLINE void aside(struct __sk_buff *skb, struct beside *b)
{
	b->tagged = skb->vlan_present;
	b->tpid = skb->vlan_proto;
	b->tci = skb->vlan_tci;
	b->gso_size = skb->gso_size;
}

// filter is at the socket of a ring: 0 keeps a frame from it.
SEC("socket") int ofs_filter(struct __sk_buff *skb)
{
	u32 ifindex = skb->ifindex, at = 0;
	struct port *p = &T.ports[ifindex & (PORTS - 1)];
	if (READ(p->ifindex) != ifindex)
		return -1;
	if (!READ(p->epochs)) {
		COUNT(p->passed, 1);
		return -1;
	}
	struct cpu *c = processor();
	struct beside b;
	enter(c);
	u64 before = c->scratch;
	if (before) { // it never came to ofs_ingress: so would others of that port
		WRITE(T.ports[(u32)before & (PORTS - 1)].swallowed, 1);
		c->scratch = 0;
	}
	aside(skb, &b);
	switch (decide(skb, &b, p, c, 1, &at)) {
	case HIT:
		c->scratch = (u64)at << 32 | ifindex;
		return 0;
	case ARMED:
		c->scratch = TAKEN | ifindex;
	}
	return -1;
}

// send is the end of a frame that the slot takes.
INLINE int send(struct __sk_buff *skb, struct slot *s)
{
	u32 out = s->out;
	if (!out)
		return TCX_DROP;
#pragma unroll
	for (int i = 0; i < MORE; i++) {
		u32 to = READ(s->more[i]);
		if (!to)
			break;
		// What fails is lost on its way, as what is redirected may be.
		if (to & TO_HOST) {
			skb->mark = 0;
			bpf_clone_redirect(skb, to & ~TO_HOST, BPF_F_INGRESS);
		} else {
			skb->mark = s->marks;
			bpf_clone_redirect(skb, to, 0);
		}
	}
	skb->mark = s->mark;
	return bpf_redirect(out, s->flags);
}

// ingress is behind the ring, before the host's stack.
SEC("tc") int ofs_ingress(struct __sk_buff *skb)
{
	struct cpu *c = processor();
	u64 scratch = c->scratch;
	int verdict = TCX_NEXT;
	if (scratch) {
		u32 ifindex = skb->ifindex;
		u32 slot = (u32)(scratch >> 32) - 1;
		c->scratch = 0;
		if ((u32)scratch == ifindex) {
			if (scratch & TAKEN)
				settle(&T.ports[ifindex & (PORTS - 1)], c);
			else if (slot < SLOTS)
				verdict = send(skb, &T.slots[slot]);
		}
	}
	leave(c);
	return verdict;
}

// tap is where the host sends through a TAP.
SEC("tc") int ofs_tap(struct __sk_buff *skb)
{
	u32 ifindex = skb->ifindex, at = 0;
	struct port *p = &T.ports[ifindex & (PORTS - 1)];
	if (READ(p->ifindex) != ifindex)
		return TCX_NEXT;
	struct cpu *c = processor();
	struct beside b;
	int verdict = TCX_NEXT;
	enter(c);
	aside(skb, &b);
	if (decide(skb, &b, p, c, 0, &at) == HIT) {
		u32 slot = at - 1;
		if (slot < SLOTS)
			verdict = send(skb, &T.slots[slot]);
	}
	leave(c);
	return verdict;
}

// test does what filter does, with a frame that comes from nowhere: cb says from which
// port, and what lies beside it. It returns the number of the slot + 1, or 0.
SEC("tc") int ofs_test(struct __sk_buff *skb)
{
	u32 ifindex = skb->cb[0], at = 0;
	struct port *p = &T.ports[ifindex & (PORTS - 1)];
	if (READ(p->ifindex) != ifindex)
		return 0;
	struct cpu *c = processor();
	struct beside b = {
		.tagged = skb->cb[1] != 0,
		.tpid = skb->cb[1],
		.tci = skb->cb[2],
		.gso_size = skb->gso_size,
	};
	enter(c);
	switch (decide(skb, &b, p, c, 1, &at)) {
	case HIT:
		leave(c);
		return at;
	case ARMED:
		settle(p, c);
	}
	leave(c);
	return 0;
}

char _license[] SEC("license") = "Apache-2.0";
