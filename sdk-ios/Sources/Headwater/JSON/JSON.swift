/// A JSON value: what properties, traits and context are made of.
///
/// Whole numbers that fit stay whole (`int`); `object` has no order.
public enum JSON: Sendable, Hashable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number of 64 bits.
    case int(Int64)
    /// Any other number.
    case double(Double)
    /// A text.
    case string(String)
    /// Values in their order.
    case array([JSON])
    /// Values by their names.
    case object([String: JSON])
}

extension JSON {
    /// A member of an object, or `nil`. Setting on anything else makes it an object; setting `nil` removes.
    public subscript(key: String) -> JSON? {
        get {
            guard case .object(let members) = self else { return nil }
            return members[key]
        }
        set {
            var members = objectValue ?? [:]
            members[key] = newValue
            self = .object(members)
        }
    }

    /// An item of an array, or `nil`.
    public subscript(index: Int) -> JSON? {
        guard case .array(let items) = self, items.indices.contains(index) else { return nil }
        return items[index]
    }

    /// A value inside objects by its path, as in `"device.model"`. Setting makes the objects on the way.
    public subscript(keyPath path: String) -> JSON? {
        get {
            var value: JSON? = self
            for key in path.split(separator: ".") { value = value?[String(key)] }
            return value
        }
        set {
            let keys = path.split(separator: ".", maxSplits: 1).map(String.init)
            guard let first = keys.first else { return }
            if keys.count == 1 {
                self[first] = newValue
            } else {
                var inner = self[first] ?? .object([:])
                inner[keyPath: keys[1]] = newValue
                self[first] = inner
            }
        }
    }

    /// The text, where it is one.
    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The truth, where it is one.
    public var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The number, where it is whole.
    public var intValue: Int? {
        switch self {
        case .int(let value): Int(exactly: value)
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The number, where it is one.
    public var doubleValue: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The items, where it is an array.
    public var arrayValue: [JSON]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The members, where it is an object.
    public var objectValue: [String: JSON]? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The members of an object as plain values, as in analytics-swift.
    public var dictionaryValue: [String: Any]? {
        objectValue?.mapValues(\.anyValue)
    }

    /// The value in Swift's own types; `null` is `Optional<Any>.none`.
    public var anyValue: Any {
        switch self {
        case .null: Any?.none as Any
        case .bool(let value): value
        case .int(let value): Int(exactly: value) ?? value
        case .double(let value): value
        case .string(let value): value
        case .array(let value): value.map(\.anyValue)
        case .object(let value): value.mapValues(\.anyValue)
        }
    }

    /// Lays `other` over this: objects are joined member by member, anything else is replaced.
    public func merging(_ other: JSON) -> JSON {
        guard case .object(var mine) = self, case .object(let theirs) = other else { return other }
        for (key, value) in theirs { mine[key] = mine[key]?.merging(value) ?? value }
        return .object(mine)
    }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
}

extension JSON: CustomStringConvertible {
    public var description: String { text }
}
