// For Android Studio and scripts/build-aar.sh; Maven (pom.xml) builds and tests the same sources without an Android SDK.
pluginManagement {
    // Versions stand in pom.xml.
    val text = file("pom.xml").readText()
    fun pom(name: String) = Regex("<$name>(.+?)</$name>").find(text)!!.groupValues[1]
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
    plugins {
        id("org.jetbrains.kotlin.jvm") version pom("kotlin.version")
        id("org.jetbrains.kotlin.android") version pom("kotlin.version")
        id("com.android.library") version pom("android.gradle.version")
    }
}

dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}

rootProject.name = "headwater-android"
include(":binding", ":core", ":android")
