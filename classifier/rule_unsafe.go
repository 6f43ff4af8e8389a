package classifier

import "unsafe"

// vals are the values of the shape's words, masked. They stand behind the rule in the same object.
func (r *Rule[T]) vals() []uint64 {
	if r.shape.n == 0 {
		return nil
	}
	return unsafe.Slice((*uint64)(unsafe.Add(unsafe.Pointer(r), unsafe.Sizeof(*r))), r.shape.n)
}
