package io.headwater.analytics.internal

import com.sun.jna.Memory
import com.sun.jna.Native
import com.sun.jna.Pointer
import uniffi.headwater.Client

/**
 * The call that apps make most, past UniFFI: one crossing with plain numbers, a tenth of what it costs with structures
 * (`bindings/uniffi/src/straight.rs`). Where it cannot be bound, UniFFI it is.
 */
internal class Straight(private val client: Client) {
    private val number = if (available) client.number() else 0

    /** As [Client.call], without the receipt. */
    fun call(event: String) {
        if (number == 0L) {
            client.call(event)
            return
        }
        val text = event.toByteArray()
        val room = if (text.size <= ROOM) room.get() else Room(text.size)
        room.start.clear()
        room.buffer.put(text)
        if (headwater_call(number, room.address, text.size) < 0) client.takeError()
    }

    /** Memory outside of the JVM's heap, which nothing moves. */
    private class Room(size: Int) {
        private val memory = Memory(size.toLong())
        val address = Pointer.nativeValue(memory)
        val buffer: java.nio.ByteBuffer = memory.getByteBuffer(0, memory.size())

        /** The same, as the type whose `clear` every Android has. */
        val start: java.nio.Buffer = buffer
    }

    companion object {
        private const val ROOM = 16 * 1024
        private val room = object : ThreadLocal<Room>() {
            override fun initialValue() = Room(ROOM)
        }

        private val available = try {
            Native.register(Straight::class.java, "headwater_ffi")
            true
        } catch (_: LinkageError) {
            false
        }

        @JvmStatic
        private external fun headwater_call(number: Long, address: Long, length: Int): Int
    }
}
