package objstore

// Some stores can do more than the contract asks: a [Signer] signs URLs, the
// requests to a [Priced] store cost money, a [Tidier] removes what killed writers
// left. Each such ability is an interface of its own, and callers ask for it with
// [As]. A wrapper takes part in one of three ways:
//
//   - It has neither method below: it has only the abilities it implements.
//   - Unwrap() Reader: whatever it does not implement itself, the inner store
//     may. This is right only if the wrapper could pass the call on as it is.
//   - As(target any) bool: it sets *target, a pointer to the interface that is
//     asked for, to its own version of what the inner store can do, such as one
//     that translates keys. It returns false for what it does not know.

// As finds the ability T, an interface, in a store or in those that it wraps.
func As[T any](s Reader) (T, bool) {
	var ability T
	for s != nil {
		if t, ok := s.(T); ok {
			return t, true
		}
		if translator, ok := s.(interface{ As(target any) bool }); ok && translator.As(&ability) {
			return ability, true
		}
		wrapper, ok := s.(interface{ Unwrap() Reader })
		if !ok {
			break
		}
		s = wrapper.Unwrap()
	}
	return ability, false
}
