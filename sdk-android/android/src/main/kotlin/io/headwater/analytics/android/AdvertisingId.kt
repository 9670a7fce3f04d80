package io.headwater.analytics.android

/** The device's advertising id, and whether its user lets ads be tailored. */
public class AdvertisingId(public val id: String?, public val trackingEnabled: Boolean)

/**
 * Where the advertising id comes from: an app that wants it in `context.device` asks its own advertising library. Off
 * unless given; called once, never on the main thread. Answers `null` where there is none.
 */
public fun interface AdvertisingIdProvider {
    public fun advertisingId(): AdvertisingId?
}
