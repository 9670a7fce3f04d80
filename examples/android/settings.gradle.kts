pluginManagement {
    val text = file("../../sdk-android/pom.xml").readText()
    fun pom(name: String) = Regex("<$name>(.+?)</$name>").find(text)!!.groupValues[1]
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
    plugins {
        id("org.jetbrains.kotlin.android") version pom("kotlin.version")
        id("com.android.application") version pom("android.gradle.version")
    }
}

dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}

rootProject.name = "shop"
include(":app")

// From source; an app of yours takes the published AAR.
includeBuild("../../sdk-android") {
    dependencySubstitution {
        substitute(module("io.headwater:analytics-android")).using(project(":android"))
    }
}
