import Foundation
internal import HeadwaterBinding

/// The configuration as the native client is told it.
extension Configuration.Values {
    func binding(context: JSON) -> HeadwaterBinding.Configuration {
        var binding = HeadwaterBinding.Configuration(writeKey: writeKey, endpoint: named(apiHost))
        binding.context = context.text
        let pace = Pace(self)
        binding.flushAt = UInt32(clamping: pace.count)
        binding.flushIntervalMs = milliseconds(pace.interval)
        binding.flushBytes = flushBytes.map { UInt64(clamping: $0) }
        binding.maxBatchEvents = maxBatchEvents.map { UInt32(clamping: $0) }
        binding.gzip = gzip
        binding.basicAuth = basicAuth
        binding.headers = headers.map { Header(name: $0.key, value: $0.value) }
        binding.requestTimeoutMs = requestTimeout.map(milliseconds)
        binding.retry = Retry(
            baseMs: retry.base.map(milliseconds), maxMs: retry.longest.map(milliseconds),
            maxRetries: retry.maxRetries.map { UInt32(clamping: $0) },
            maxRateLimited: retry.maxRateLimited.map { UInt32(clamping: $0) }, maxTotalMs: retry.maxTotal.map(milliseconds))
        binding.quotaEvents = maxEvents.map { UInt64(clamping: $0) }
        if case .memory(let events) = storageMode {
            binding.durability = .memory
            binding.quotaEvents = UInt64(clamping: max(1, events))
        } else if durability == .sync {
            binding.durability = .sync
        }
        binding.quotaBytes = maxBytes.map { UInt64(clamping: $0) }
        binding.quotaAgeMs = maxAge.map(milliseconds)
        binding.consent = consent.map { consent in
            Consent(
                model: consent.model == .optIn ? .optIn : .optOut, categories: consent.categories,
                hold: consent.hold == .memory ? .memory : .persist)
        }
        binding.sessionTimeoutMs = sessionTimeout.map(milliseconds)
        binding.fetchSettings = settings
        binding.followApiHost = followApiHost ?? false
        if settings { binding.settingsHost = named(cdnHost) }
        binding.defaultSettings = defaultSettings?.document.text
        return binding
    }

    private func named(_ host: String?) -> String? {
        host.flatMap { $0.isEmpty ? nil : $0 }
    }
}

func milliseconds(_ seconds: TimeInterval) -> UInt64 {
    seconds.isFinite ? UInt64(max(0, min(seconds * 1000, 1e15))) : 1_000_000_000_000_000
}
