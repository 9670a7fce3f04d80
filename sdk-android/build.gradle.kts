plugins {
    id("org.jetbrains.kotlin.jvm") apply false
    id("org.jetbrains.kotlin.android") apply false
    id("com.android.library") apply false
}

val text = file("pom.xml").readText()
fun pom(name: String) = Regex("<$name>(.+?)</$name>").find(text)!!.groupValues[1]

allprojects {
    group = "io.headwater"
    version = pom("version")
    extra["jna"] = "net.java.dev.jna:jna:" + pom("jna.version")
    extra["serialization"] = "org.jetbrains.kotlinx:kotlinx-serialization-json:" + pom("serialization.version")
}
